// Opens a coordinator's page in Chromium and holds it to what is true, while a study is submitted, waits, loses a
// worker, is computed and another is cancelled:
//   node page_test.mjs ISOCOST FAKE_WORKER GRIDS FOLDER CHROMIUM
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), '../../../reports/page/package.json'));
const { chromium } = require('playwright-core');
const [isocost, fake_worker, grids, folder, chromium_path] = process.argv.slice(2);
assert.ok(chromium_path && !chromium_path.endsWith('NOTFOUND'), 'chromium is missing: script/bootstrap --tests installs it');

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const limit = 120_000;  // a busy machine is no fault of the page
const processes = [];
function start(program, ...words) {
  const log = join(folder, `${processes.length}.log`);
  const out = openSync(log, 'w');
  const child = spawn(program, words, { stdio: ['ignore', out, out], detached: true });
  processes.push(child);
  return { child, log: () => readFileSync(log, 'utf8'), kill: (signal) => process.kill(-child.pid, signal) };
}
async function until(what, condition) {
  for (const end = Date.now() + limit; ; await new Promise((done) => setTimeout(done, 50))) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < end, `${what} did not come`);
  }
}
const said = (process, label) => until(label, () => process.log().split('\n').find((line) => line.startsWith(label))?.slice(label.length));

const browser = await chromium.launch({
  executablePath: chromium_path,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const coordinator = start(isocost, 'coordinator', '--db', join(folder, 'isocost.db'), '--listen', 'tcp://127.0.0.1:0',
    '--http', 'http://127.0.0.1:0', '--lease-seconds', '2', '--log', join(folder, 'log'));
  const url = await said(coordinator, 'page and commands: ');
  const connect = await said(coordinator, 'workers connect to: ');
  const command = (...words) => execFileSync(isocost, [...words, '--coordinator', url], { encoding: 'utf8' });
  const worker = (name, ...words) => start(fake_worker, 'serve', '--connect', connect, '--name', name, '--state', join(folder, name), ...words);

  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  page.setDefaultTimeout(limit);
  const faults = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error}`));
  page.on('request', (request) => request.url().startsWith(url) || faults.push(`request: ${request.url()}`));
  const text = () => page.evaluate(() => document.body.innerText);
  const shows = (wanted) => page.waitForFunction((words) => words.every((word) => document.body.innerText.includes(word)), [wanted].flat())
    .catch(async (error) => { throw new Error(`the page does not show ${wanted}; it shows\n${await text()}\n${error}`); });

  // Nothing is promised before there is anybody.
  await page.goto(url, { waitUntil: 'load' });
  await shows(['Nothing submitted yet', 'nothing to do', 'started']);
  command('submit', join(grids, 'tiny.yaml'));
  await shows(['0 of 26 cells done', 'no worker', 'speed: nothing runs', 'submitted']);

  // Inputs are named as people know them, and no time is promised while they are missing.
  const poor = worker('poor');
  await shows(['inputs are missing', 'No worker has these inputs', 'mini/w16/unet']);
  assert.ok(!(await text()).includes('sha256:'), 'inputs by their names');

  // Who is killed leaves a trace.
  poor.kill('SIGKILL');
  await shows(['lost:', 'nothing was heard of it for 2 s', 'free again'].slice(0, 2));
  await shows('poor');

  // A cancelled study is cancelled, and not on its way.
  command('submit', join(grids, 'demo.yaml'));
  command('cancel', 'demo');
  await shows(['cancelled', '56 cancelled']);
  assert.equal(await page.locator('.card', { hasText: 'demo' }).locator('.state').innerText(), 'cancelled');
  assert.ok(await page.locator('.card', { hasText: 'demo' }).locator('.bar .cancelled').evaluate((bar) => bar.getBoundingClientRect().width > 10));

  worker('rich', '--models', join(grids, 'mini'));
  await shows(['26 of 26 cells done', 'finished']);
  const card = page.locator('.card', { has: page.getByText('tiny', { exact: true }) });
  assert.equal(await card.locator('.state').innerText(), 'done');
  await shows(['nothing to do', 'speed: nothing runs']);
  assert.match(await text(), /cell \d+ \(model w\d+, sampler/, 'events name cells as people know them');

  // Wide and narrow, light and dark.
  for (const [width, colorScheme] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 1, `${width} ${colorScheme}: ${wide} px too wide`);
    await page.screenshot({ path: join(folder, `${width}-${colorScheme}.png`), fullPage: true });
  }
  assert.deepEqual(faults, []);

  // What the page shows, pandas and others read.
  const answer = await fetch(`${url}/api/v1/experiments/tiny/cells.csv?limit=2`);
  const lines = (await answer.text()).trim().split('\n');
  assert.equal(answer.status, 200);
  assert.equal(lines.length, 3);
  assert.equal(answer.headers.get('x-total-count'), '26');
  const again = await fetch(`${url}/api/v1/experiments/tiny/cells.csv?limit=2`, { headers: { 'If-None-Match': answer.headers.get('etag') } });
  assert.equal(again.status, 304);

  for (const table of ['cells', 'scores', 'units', 'answer']) {
    const csv = await fetch(`${url}/api/v1/experiments/tiny/${table}.csv`);
    assert.equal(csv.status, 200, table);
    const rows = await (await fetch(`${url}/api/v1/experiments/tiny/${table}.json`)).json();
    assert.equal(rows.length, Number(csv.headers.get('x-total-count')), table);
    const columns = (await csv.text()).split('\r\n')[0].split(',');
    if (rows.length) assert.deepEqual(Object.keys(rows[0]).sort(), columns.sort(), table);
  }

  // A page of another origin gets nothing, whatever it asks.
  const foreign = await fetch(`${url}/api/v1/status`, { headers: { Origin: 'http://evil.example' } });
  assert.equal(foreign.status, 403);
} finally {
  await browser.close();
  for (const child of processes) try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ }
}
console.log('the page tells the truth');
