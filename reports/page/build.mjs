// Bundles the page's script and packs the shipped figures: node build.mjs OUT_FOLDER
//   page.js       src/main.ts with vega, vega-lite and vega-embed, for any current browser
//   figures.json  [{"name", "spec"}], in the order of the files' names
//   digests.h     what assets.cpp embeds, by content: a compiler's cache does not see the files themselves
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
mkdirSync(out, { recursive: true });

await build({
  entryPoints: [join(here, 'src/main.ts')], outfile: join(out, 'page.js'), absWorkingDir: here,
  bundle: true, minify: true, format: 'iife', target: 'es2022', legalComments: 'none', charset: 'ascii', logLevel: 'error',
});

const folder = join(here, '../figures');
const figures = readdirSync(folder).filter((name) => name.endsWith('.vl.json')).sort().map((name) => {
  try {
    return { name: name.slice(0, -'.vl.json'.length), spec: JSON.parse(readFileSync(join(folder, name), 'utf8')) };
  } catch (error) {
    throw new Error(`${join(folder, name)}: ${error.message}`);
  }
});
writeFileSync(join(out, 'figures.json'), JSON.stringify(figures));

const digest = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
const embedded = [join(out, 'page.js'), join(out, 'figures.json'), join(here, 'src/page.css')];
writeFileSync(join(out, 'digests.h'), embedded.map((file) => `// ${digest(file)}\n`).join(''));
