// node screenshot.mjs PAGE.html OUT.png [FIGURES]: the first screen of a report and its main figure; and each figure by
// itself into the folder FIGURES, under the name of its specification.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), '../reports/page/package.json'));
const { chromium } = require('playwright-core');
const [file, out, figures] = process.argv.slice(2);
assert.ok(file && out, 'node screenshot.mjs PAGE.html OUT.png [FIGURES]');

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
try {
  const page = await browser.newPage({ viewport: { width: 1240, height: 1000 }, deviceScaleFactor: 1.5, colorScheme: 'light' });
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.waitForFunction(() => document.documentElement.dataset.figures === 'drawn', undefined, { timeout: 120_000 });
  // The answer, then the figure of the envelope: what a reader sees first and what it rests on.
  await page.evaluate(() => {
    document.querySelector('.bar')?.setAttribute('style', 'position: static');
    const envelope = document.querySelector('figure[data-figure="20-fid-over-cost"]');
    if (envelope) document.querySelector('#figures figure')?.before(envelope);
  });
  const bottom = await page.evaluate(() => document.querySelector('#figures figure')?.getBoundingClientRect().bottom ?? 1000);
  await page.screenshot({ path: out, fullPage: true, clip: { x: 0, y: 0, width: 1240, height: Math.ceil(bottom) + 24 } });
  if (figures) {
    mkdirSync(figures, { recursive: true });
    for (const figure of await page.locator('figure[data-figure]').all())
      await figure.screenshot({ path: join(figures, `${await figure.getAttribute('data-figure')}.png`) });
  }
} finally {
  await browser.close();
}
