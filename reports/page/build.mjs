// Bundles the page's script and packs the shipped figures: node build.mjs OUT_FOLDER
//   page.js       src/main.ts with vega, vega-lite and vega-embed, for any current browser
//   figures.json  [{"name", "spec"}], in the order of the files' names
//   digest.h      of both and of the style: who embeds them includes it, so that no compiler cache takes an old object
//                 for a new one (it does not see what the assembler includes)
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

const hash = createHash('sha256');
for (const file of [join(out, 'page.js'), join(out, 'figures.json'), join(here, 'src/page.css')]) hash.update(readFileSync(file));
writeFileSync(join(out, 'digest.h'), `// Made by build.mjs.\n#pragma once\n#define ISOCOST_PAGE_DIGEST "${hash.digest('hex')}"\n`);
