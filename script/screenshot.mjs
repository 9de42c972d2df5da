// node screenshot.mjs PAGE.html OUT.png [FIGURES]: the first screen of a report and its main figure; and each figure by
// itself into the folder FIGURES, under the name of its specification.
// node screenshot.mjs --page URL OUT.png: the page of a coordinator. node screenshot.mjs --terminal PAGE.html OUT.png: a
// terminal's content, as aha wrote it.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), '../reports/page/package.json'));
const { chromium } = require('playwright-core');
const words = process.argv.slice(2);
const kind = words[0]?.startsWith('--') ? words.shift() : '--report';
const [file, out, figures] = words;
assert.ok(file && out, 'node screenshot.mjs [--page|--terminal] PAGE OUT.png [FIGURES]');

// The answer, then the figure of the envelope: what a reader sees first and what it rests on.
async function takeReport(page) {
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.waitForFunction(() => document.documentElement.dataset.figures === 'drawn', undefined, { timeout: 120_000 });
  await page.evaluate(() => {
    document.querySelector('.bar')?.setAttribute('style', 'position: static');
    const envelope = document.querySelector('figure[data-figure="20-fid-over-cost"]');
    if (envelope) document.querySelector('#figures figure')?.before(envelope);
  });
  const bottom = await page.evaluate(() => document.querySelector('#figures figure')?.getBoundingClientRect().bottom ?? 1000);
  await page.screenshot({ path: out, fullPage: true, clip: { x: 0, y: 0, width: 1240, height: Math.ceil(bottom) + 24 } });
  if (!figures) return;
  mkdirSync(figures, { recursive: true });
  for (const figure of await page.locator('figure[data-figure]').all())
    await figure.screenshot({ path: join(figures, `${await figure.getAttribute('data-figure')}.png`) });
}

async function takePage(page) {
  await page.goto(file);
  await page.waitForTimeout(3_000); // it asks for news every second
  await page.screenshot({ path: out });
}

async function takeTerminal(page) {
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.addStyleTag({ content: 'body { margin: 0 } pre { display: inline-block; margin: 0; padding: 14px 18px; font: 14px/1.25 "DejaVu Sans Mono", monospace }' });
  await page.locator('pre').screenshot({ path: out });
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
try {
  const page = await browser.newPage({ viewport: { width: 1240, height: 1000 }, deviceScaleFactor: 1.5, colorScheme: 'light' });
  await { '--report': takeReport, '--page': takePage, '--terminal': takeTerminal }[kind](page);
} finally {
  await browser.close();
}
