// Opens a made-up study's report in Chromium and holds it to what a reader expects:
//   node page_test.mjs MADE_UP_REPORT FOLDER [CHROMIUM]
// No request leaves the page, nothing is written to the console, every figure is drawn, nothing is wider than the
// window, pictures have a text, the cost axis and the colour scheme can be changed while the page is open.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), '../../reports/page/package.json'));
const { chromium } = require('playwright-core');
const [maker, folder, chromium_path] = process.argv.slice(2);
assert.ok(chromium_path && !chromium_path.endsWith('NOTFOUND'), 'chromium is missing: script/bootstrap --tests installs it');

mkdirSync(folder, { recursive: true });
execFileSync(maker, [folder], { stdio: ['ignore', 'ignore', 'inherit'] });
const url = pathToFileURL(join(folder, 'report.html')).href;

// Things that must not happen, as they happen.
function watch(page) {
  page.setDefaultTimeout(120_000);  // a busy machine is no fault of the page
  const faults = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error}`));
  page.on('request', (request) => /^(data|blob|about):/.test(request.url()) || request.url() === url || faults.push(`request: ${request.url()}`));
  return faults;
}

const drawn = (page) => page.waitForFunction(() => document.documentElement.dataset.figures === 'drawn');

function look(page) {
  return page.evaluate(() => {
    const marks = 'path, circle, rect, text';
    const figures = [...document.querySelectorAll('figure')];
    const overflowing = [...document.querySelectorAll('body *')].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.right > innerWidth + 1 && !element.closest('.scroll, pre, details, svg') && getComputedStyle(element).position !== 'absolute';
    });
    return {
      figures: figures.length,
      empty: figures.filter((figure) => [...figure.querySelectorAll('.plot')].length === 0 ||
        [...figure.querySelectorAll('.plot')].some((plot) => (plot.querySelector('svg.marks')?.querySelectorAll(marks).length ?? 0) < 12))
        .map((figure) => figure.dataset.figure),
      unnamed: [...document.querySelectorAll('svg.marks')].filter((svg) => !svg.getAttribute('aria-label')).length,
      too_wide: document.documentElement.scrollWidth - innerWidth,
      overflowing: overflowing.slice(0, 5).map((element) => `${element.tagName}.${element.className}`),
      pictures: document.images.length,
      broken: [...document.images].filter((image) => !image.naturalWidth || !image.alt).length,
      title: document.title, lang: document.documentElement.lang, headings: document.querySelectorAll('h1').length,
      background: getComputedStyle(document.body).backgroundColor,
      first: document.querySelector('main section')?.id,
    };
  });
}

const browser = await chromium.launch({
  executablePath: chromium_path,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const backgrounds = new Set();
  for (const [width, height, colorScheme] of [[1440, 900, 'light'], [1440, 900, 'dark'], [390, 844, 'light']]) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    const faults = watch(page);
    await page.goto(url, { waitUntil: 'load' });
    await drawn(page);
    const seen = await look(page);
    const at = `${width} ${colorScheme}`;
    assert.deepEqual(faults, [], at);
    assert.ok(seen.figures >= 9, `${at}: ${seen.figures} figures`);
    assert.deepEqual(seen.empty, [], `${at}: figures without marks`);
    assert.equal(seen.unnamed, 0, `${at}: figures without a label`);
    assert.ok(seen.too_wide <= 1, `${at}: ${seen.too_wide} px too wide: ${seen.overflowing}`);
    assert.ok(seen.pictures >= 24 && seen.broken === 0, `${at}: ${seen.broken} of ${seen.pictures} pictures broken or without a text`);
    assert.ok(seen.title && seen.lang === 'en' && seen.headings === 1, `${at}: title, language or heading`);
    assert.equal(seen.first, 'answer', 'the answer comes first');
    backgrounds.add(seen.background);
    await page.close();
  }
  assert.equal(backgrounds.size, 2, 'light and dark differ');

  const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, colorScheme: 'light' });
  const faults = watch(page);
  await page.goto(url, { waitUntil: 'load' });
  await drawn(page);
  await page.locator('label', { hasText: 'Measured seconds' }).click();
  await page.waitForFunction(() => document.querySelector('figure[data-figure="20-fid-over-cost"] svg.marks')?.textContent.includes('Measured seconds'));
  await drawn(page);
  assert.ok(await page.locator('[data-axis="measured_seconds_per_image"]').isVisible());
  assert.ok(await page.locator('[data-axis="gflops_per_image"]').isHidden());
  const ink = () => page.evaluate(() => document.querySelector('svg.marks .role-axis-label text')?.getAttribute('fill'));
  const light = await ink();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction((before) => document.querySelector('svg.marks .role-axis-label text')?.getAttribute('fill') !== before, light);
  await drawn(page);
  assert.deepEqual((await look(page)).empty, [], 'figures without marks after the change to dark');
  assert.deepEqual(faults, [], 'after changing axis and colour scheme');
} finally {
  await browser.close();
}
console.log('report.html holds in Chromium');
