// Opens made-up studies' reports in Chromium and holds them to what a reader expects:
//   node page_test.mjs MADE_UP_REPORT FOLDER [CHROMIUM]
// No request leaves the page, nothing is written to the console, every figure is drawn with its title and legend in the
// picture, nothing is wider than the window, lines keep their contrast, labels do not overlap, pictures have a text, the
// cost axis and the colour scheme can be changed while the page is open, figures are saved, axe-core finds nothing
// serious, paper gets everything, and a phone shows the answer.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), '../../reports/page/package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const [maker, folder, chromium_path] = process.argv.slice(2);
assert.ok(
  chromium_path && !chromium_path.endsWith('NOTFOUND'),
  'chromium is missing: script/bootstrap --tests installs it',
);

function made(kind) {
  const out = join(folder, kind);
  mkdirSync(out, { recursive: true });
  execFileSync(maker, [out, kind], { stdio: ['ignore', 'ignore', 'inherit'] });
  return pathToFileURL(join(out, 'report.html')).href;
}

const browser = await chromium.launch({
  executablePath: chromium_path,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

// Things that must not happen, as they happen.
function watch(page, url) {
  page.setDefaultTimeout(120_000); // a busy machine is no fault of the page
  const faults = [];
  page.on(
    'console',
    (message) => ['error', 'warning'].includes(message.type()) && faults.push(`console: ${message.text()}`),
  );
  page.on('pageerror', (error) => faults.push(`error: ${error}`));
  page.on(
    'request',
    (request) =>
      /^(data|blob|about):/.test(request.url()) || request.url() === url || faults.push(`request: ${request.url()}`),
  );
  return faults;
}

const drawn = (page) => page.waitForFunction(() => document.documentElement.dataset.figures === 'drawn');

async function opened(url, { width = 1440, height = 900, colorScheme = 'light', ...more } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, ...more });
  const faults = watch(page, url);
  await page.goto(url, { waitUntil: 'load' });
  await drawn(page);
  return { page, faults, at: `${width} ${colorScheme}` };
}

function look(page) {
  return page.evaluate(() => {
    const marks = 'path, circle, rect, text';
    const figures = [...document.querySelectorAll('figure')];
    const overflowing = [...document.querySelectorAll('body *')].filter((element) => {
      const box = element.getBoundingClientRect();
      return (
        box.right > innerWidth + 1 &&
        !element.closest('.scroll, pre, svg') &&
        getComputedStyle(element).position !== 'absolute'
      );
    });
    const wide = figures.filter(
      (figure) => (figure.querySelector('svg.marks')?.getBoundingClientRect().right ?? 0) > innerWidth + 1,
    );
    return {
      figures: figures.length,
      empty: figures
        .filter((figure) => (figure.querySelector('svg.marks')?.querySelectorAll(marks).length ?? 0) < 12)
        .map((figure) => figure.dataset.figure),
      unnamed: [...document.querySelectorAll('svg.marks')].filter((svg) => !svg.getAttribute('aria-label')).length,
      too_wide: document.documentElement.scrollWidth - innerWidth,
      overflowing: [
        ...overflowing.slice(0, 5).map((element) => `${element.tagName}.${element.className}`),
        ...wide.map((figure) => figure.dataset.figure),
      ],
      pictures: document.images.length,
      broken: [...document.images].filter((image) => !image.naturalWidth || !image.alt).length,
      title: document.title,
      lang: document.documentElement.lang,
      headings: document.querySelectorAll('h1').length,
      background: getComputedStyle(document.body).backgroundColor,
      first: document.querySelector('main section')?.id,
    };
  });
}

function check_look(seen, at, figures, pictures) {
  assert.ok(seen.figures >= figures, `${at}: ${seen.figures} figures`);
  assert.deepEqual(seen.empty, [], `${at}: figures without marks`);
  assert.equal(seen.unnamed, 0, `${at}: figures without a label`);
  assert.ok(seen.too_wide <= 1, `${at}: ${seen.too_wide} px too wide: ${seen.overflowing}`);
  assert.deepEqual(seen.overflowing, [], `${at}: wider than the window`);
  assert.ok(
    seen.pictures >= pictures && seen.broken === 0,
    `${at}: ${seen.broken} of ${seen.pictures} pictures broken or without a text`,
  );
  assert.ok(seen.title && seen.lang === 'en' && seen.headings === 1, `${at}: title, language or heading`);
}

// Title, axes and legend are texts of the picture; "log" stands on logarithmic axes; ticks lie among the data.
function read_figures(page) {
  return page.evaluate(() => {
    const parse = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (rgb) =>
      rgb
        .slice(0, 3)
        .map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
    const paper = parse(getComputedStyle(document.body).backgroundColor);
    const contrast = (color, opacity) => {
      const rgb = parse(color)
        .slice(0, 3)
        .map((value, i) => value * opacity + paper[i] * (1 - opacity));
      const [a, b] = [luminance(rgb), luminance(paper)];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const overlaps = (texts) => {
      const boxes = texts
        .filter((text) => text.textContent && Number(getComputedStyle(text).opacity) > 0)
        .map((text) => text.getBoundingClientRect());
      return boxes.some((a, i) =>
        boxes.some(
          (b, k) =>
            k > i && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2,
        ),
      );
    };
    return [...document.querySelectorAll('figure')].map((figure) => {
      const svg = figure.querySelector('svg.marks');
      const faint = [];
      // Bands of fits are backgrounds of their curves.
      for (const mark of svg.querySelectorAll('.mark-line path, .mark-rule line, .mark-symbol path')) {
        if (mark.closest('.role-axis-grid, .role-axis, .role-legend')) continue;
        const style = getComputedStyle(mark);
        const stroke = style.stroke !== 'none' ? style.stroke : style.fill;
        if (stroke === 'none' || stroke === 'transparent') continue;
        const ratio = contrast(
          stroke,
          Number(style.opacity) * Number(style.stroke !== 'none' ? style.strokeOpacity : style.fillOpacity),
        );
        if (ratio < 3) faint.push(`${stroke} ${ratio.toFixed(2)}`);
      }
      const axes = [...svg.querySelectorAll('.role-axis')];
      return {
        name: figure.dataset.figure,
        title: figure.querySelector('.figure-title').textContent.trim(),
        text: [...svg.querySelectorAll('text')].map((text) => text.textContent).join(' '),
        titles: [...svg.querySelectorAll('.role-axis-title text')].map((text) => text.textContent),
        legend: [...svg.querySelectorAll('.role-legend-label text')].map((text) => text.textContent),
        symbols: [...svg.querySelectorAll('.role-legend-symbol path')].map(
          (path) => `${path.getAttribute('d')} ${path.getAttribute('stroke-dasharray')}`,
        ),
        colors: [...svg.querySelectorAll('.role-legend-symbol path')].map(
          (path) => path.getAttribute('fill') ?? path.getAttribute('stroke'),
        ),
        faint: [...new Set(faint)],
        overlapping: axes.filter((axis) => overlaps([...axis.querySelectorAll('.role-axis-label text')])).length,
        few_ticks: axes.filter(
          (axis) =>
            axis.querySelector('.role-axis-title') &&
            [...axis.querySelectorAll('.role-axis-label text')].filter((text) => text.textContent).length < 2,
        ).length,
        areas: svg.querySelectorAll('.mark-area path').length,
      };
    });
  });
}

function check_figures(figures, at) {
  for (const one of figures) {
    const where = `${at}, ${one.name}`;
    assert.ok(
      one.text.includes(one.title.split(' ').slice(0, 2).join(' ')),
      `${where}: the title "${one.title}" is not in the picture`,
    );
    assert.deepEqual(one.faint, [], `${where}: lines without a contrast of 3:1`);
    assert.equal(one.overlapping, 0, `${where}: labels of an axis overlap`);
    assert.equal(one.few_ticks, 0, `${where}: an axis has fewer than two ticks`);
    assert.ok(one.titles.length > 0, `${where}: no axis has a title`);
    for (let i = 1; i < one.symbols.length; ++i)
      if (one.legend.length > 1 && one.symbols.length === one.legend.length)
        assert.notEqual(
          one.symbols[i],
          one.symbols[i - 1],
          `${where}: neighbours of the legend look alike without colour`,
        );
  }
  const cost = figures.find((one) => one.name === '20-fid-over-cost');
  assert.ok(
    cost.titles.some((title) => /GFLOPs an image, log/.test(title)),
    `${at}: a logarithmic axis says so: ${cost.titles}`,
  );
  assert.ok(
    cost.titles.some((title) => /is better/.test(title)),
    `${at}: which direction is better: ${cost.titles}`,
  );
}

async function check_axe(page, at) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const serious = found.violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  assert.deepEqual(
    serious.map(
      (one) =>
        `${one.id}: ${one.help}: ${one.nodes
          .slice(0, 2)
          .map((node) => node.html.slice(0, 160))
          .join(' | ')}`,
    ),
    [],
    `${at}: axe-core`,
  );
}

async function check_study(url) {
  const backgrounds = new Set();
  for (const [width, height, colorScheme] of [
    [1440, 900, 'light'],
    [1440, 900, 'dark'],
    [390, 844, 'light'],
  ]) {
    const { page, faults, at } = await opened(url, { width, height, colorScheme });
    const seen = await look(page);
    assert.deepEqual(faults, [], at);
    check_look(seen, at, 12, 24);
    assert.equal(seen.first, 'answer', 'the answer comes first');
    check_figures(await read_figures(page), at);
    backgrounds.add(seen.background);
    await page.close();
  }
  assert.equal(backgrounds.size, 2, 'light and dark differ');
}

async function check_changes(url) {
  const { page, faults } = await opened(url, { width: 1200 });
  await page.locator('label', { hasText: 'Measured seconds' }).click();
  await page.waitForFunction(() =>
    document
      .querySelector('figure[data-figure="20-fid-over-cost"] svg.marks')
      ?.textContent.includes('Measured seconds'),
  );
  await drawn(page);
  assert.ok(await page.locator('[data-axis="measured_seconds_per_image"]').isVisible());
  assert.ok(await page.locator('[data-axis="gflops_per_image"]').isHidden());
  const ink = () =>
    page.evaluate(() => document.querySelector('svg.marks .role-axis-label text')?.getAttribute('fill'));
  const light = await ink();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction(
    (before) => document.querySelector('svg.marks .role-axis-label text')?.getAttribute('fill') !== before,
    light,
  );
  await drawn(page);
  assert.deepEqual((await look(page)).empty, [], 'figures without marks after the change to dark');
  await page.setViewportSize({ width: 700, height: 900 });
  await page.waitForFunction(() => document.querySelector('svg.marks').getBoundingClientRect().width < 700);
  await drawn(page);
  assert.deepEqual((await look(page)).overflowing, [], 'after the window became narrow');
  assert.deepEqual(faults, [], 'after changing axis, colour scheme and width');
  await page.close();
}

// What is saved: light on white, with title, legend and all panels, whatever the screen looks like.
async function check_saving(url) {
  const { page, faults } = await opened(url, { width: 390, colorScheme: 'dark' });
  const figure = page.locator('figure[data-figure="10-fid-over-steps"]');
  const saved = async (kind) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      figure.getByRole('button', { name: `as ${kind}` }).click(),
    ]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const svg = await saved('SVG');
  const text = svg.bytes.toString();
  assert.match(svg.name, /10-fid-over-steps\.svg$/);
  for (const part of [
    'FID over steps',
    'DDIM trailing',
    'DPM-Solver++',
    'sampling steps, log',
    'FID (lower is better)',
    'w64',
    '#ffffff',
  ])
    assert.ok(text.includes(part), `the saved SVG lacks "${part}"`);
  assert.equal([...text.matchAll(/role-axis-title/g)].length >= 8, true, 'the saved SVG has all four panels');
  const png = await saved('PNG');
  assert.deepEqual([...png.bytes.subarray(1, 4)], [...Buffer.from('PNG')]);
  assert.ok(png.bytes.readUInt32BE(16) >= 1500, 'the saved PNG is wide enough for paper');
  const csv = (await saved('CSV')).bytes.toString().trim().split('\r\n');
  assert.ok(
    csv[0].split(',').includes('value') && csv.length === 6 * 6 * 4 + 1,
    `the saved CSV has ${csv.length} lines`,
  );
  assert.deepEqual(faults, [], 'while saving');
  await page.locator('details', { hasText: 'This table for LaTeX' }).first().locator('summary').click();
  const [tex] = await Promise.all([page.waitForEvent('download'), page.locator('a[download$=".tex"]').first().click()]);
  assert.match(readFileSync(await tex.path(), 'utf8'), /\\begin\{tabular\}/);
  await page.close();
}

async function check_phone_and_paper(url) {
  const { page } = await opened(url, { width: 390, height: 844 });
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll('.answers')]
      .filter((box) => box.offsetParent !== null)
      .flatMap((box) => [
        ...(box.scrollWidth > box.clientWidth + 1 ? ['the answer scrolls sideways'] : []),
        ...[...box.querySelectorAll('tbody tr')].flatMap((row) =>
          ['Budget', 'Use', 'Costs', 'How sure'].filter((label) => {
            const cell = row.querySelector(`[data-label="${label}"]`)?.getBoundingClientRect();
            return !cell || cell.width < 40 || cell.left < 0 || cell.right > innerWidth;
          }),
        ),
      ]),
  );
  assert.deepEqual(cut, [], 'on a phone');
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  const paper = await page.evaluate(() => ({
    folded: document.querySelectorAll('details:not([open])').length,
    torn: [...document.querySelectorAll('figure')].filter((figure) => getComputedStyle(figure).breakInside !== 'avoid')
      .length,
    loose: [...document.querySelectorAll('main h2, main h3')].filter(
      (heading) => getComputedStyle(heading).breakAfter !== 'avoid',
    ).length,
    buttons: [...document.querySelectorAll('.save, .bar')].filter((element) => element.offsetParent !== null).length,
  }));
  assert.deepEqual(paper, { folded: 0, torn: 0, loose: 0, buttons: 0 }, 'on paper');
  assert.ok((await page.pdf({ format: 'A4' })).length > 20_000);
  await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  assert.ok(
    (await page.evaluate(() => document.querySelectorAll('details[open]').length)) === 0,
    'what was folded is folded again',
  );
  await page.close();
}

async function check_accessible(url, what) {
  for (const colorScheme of ['light', 'dark'])
    for (const width of [1440, 390]) {
      const { page, at } = await opened(url, { width, colorScheme, bypassCSP: true });
      await check_axe(page, `${what} ${at}`);
      await page.close();
    }
}

// A task's figures draw its own rows, and those of super-resolution are there.
async function check_tasks(url) {
  const { page, faults, at } = await opened(url);
  check_look(await look(page), `tasks ${at}`, 18, 24);
  const seen = await page.evaluate(() => ({
    tasks: [...document.querySelectorAll('section.task > h2')].map((heading) => heading.textContent),
    ranks: [...document.querySelectorAll('section.task')].map(
      (task) => task.querySelector('.answers thead').textContent,
    ),
    pointless:
      document.querySelector('figure[data-task="enlarge"][data-figure="12-fid-over-steps-by-guidance"]') !== null,
    by_steps: [...document.querySelectorAll('figure[data-figure^="25-over-cost-by-steps"]')].map(
      (figure) =>
        `${figure.dataset.task} ${figure.dataset.figure} ${/up to 20 steps/.test(figure.querySelector('svg').textContent) && /above 20 steps/.test(figure.querySelector('svg').textContent)}`,
    ),
  }));
  assert.deepEqual(seen.tasks, ['draw', 'enlarge']);
  assert.ok(!seen.pointless, 'a figure over guidance is drawn where there is but one');
  assert.match(seen.ranks[0], /FID, 95 % interval/);
  assert.match(seen.ranks[1], /CLIP score, 95 % interval/);
  assert.deepEqual(seen.by_steps, [
    'enlarge 25-over-cost-by-steps-clip_score true',
    'enlarge 25-over-cost-by-steps-fid true',
    'enlarge 25-over-cost-by-steps-attribute_accuracy true',
  ]);
  assert.deepEqual(faults, [], 'tasks');
  await page.close();
}

// Twelve series of twelve sizes at twenty numbers of steps.
async function check_many(url) {
  for (const [width, colorScheme] of [
    [390, 'light'],
    [1440, 'dark'],
  ]) {
    const { page, faults, at } = await opened(url, { width, colorScheme });
    check_look(await look(page), `many ${at}`, 10, 6);
    const figures = await read_figures(page);
    check_figures(figures, `many ${at}`);
    const samplers = figures.find((one) => one.name === '40-sampler-envelopes');
    assert.equal(samplers.legend.length, 12, `many ${at}: the legend names twelve series`);
    assert.equal(
      new Set(samplers.symbols.map((symbol, i) => symbol + samplers.colors[i])).size,
      12,
      `many ${at}: each looks otherwise`,
    );
    assert.deepEqual(faults, [], `many ${at}`);
    await page.close();
  }
}

try {
  const study = made('study');
  await check_study(study);
  await check_changes(study);
  await check_saving(study);
  await check_phone_and_paper(study);
  await check_accessible(study, 'study');
  const tasks = made('tasks');
  await check_tasks(tasks);
  await check_accessible(tasks, 'tasks');
  await check_many(made('many'));
} finally {
  await browser.close();
}
console.log('report.html holds in Chromium');
