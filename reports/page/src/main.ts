// Draws the report's figures: each is a Vega-Lite specification over named tables, both embedded in the page.
//
// Words that start with "$" in a specification are replaced before it is drawn (see reports/figures/README.md), so that
// one file serves every study, cost axis and colour scheme. Nothing is fetched; expressions are interpreted, since the
// page's content security policy forbids code made from text.
import embed, { type Result, type VisualizationSpec } from 'vega-embed';
import { Error as errors_only, scheme } from 'vega';
import { categorical, theme, type Scheme } from './theme';

type Value = number | string | boolean | null;
type Row = Record<string, Value>;
interface PackedTable { columns: string[]; rows: Value[][] }
interface Axis { column: string; label: string }
type LegendKind = 'series' | 'model' | 'steps';
interface FigureMeta { each?: 'series' | 'model'; legend?: LegendKind; height?: number }
interface Figure { name: string; spec: { usermeta?: { isocost?: FigureMeta }; data?: { name?: string } } & Record<string, unknown> }
interface ReportData {
  axes: Axis[];
  metric: { name: string; label: string };
  models: string[];
  series: string[];
  main_series: string;
  normalised_by: string;
  tables: Record<string, PackedTable>;
  figures: Figure[];
}

function read_data(): ReportData {
  return JSON.parse(document.getElementById('isocost-data')?.textContent ?? 'null') as ReportData;
}

function unpack(table: PackedTable): Row[] {
  return table.rows.map((row) => Object.fromEntries(table.columns.map((column, i) => [column, row[i] ?? null])));
}

const data = read_data();
const tables = new Map(Object.entries(data.tables).map(([name, table]) => [name, unpack(table)]));
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const drawn = new Map<HTMLElement, Result>();
let cost_axis: Axis = data.axes[0];

// Sizes are ordered, so their colours are too: a stretch of viridis that stays visible on the background.
function ordered_colors(count: number, is_dark: boolean): string[] {
  const at = scheme('viridis') as (t: number) => string;
  const [from, to] = is_dark ? [0.32, 1] : [0, 0.86];
  return Array.from({ length: count }, (_, i) => at(from + ((to - from) * i) / Math.max(1, count - 1)));
}

function names_of(kind: LegendKind): string[] {
  if (kind === 'steps') return steps_of(tables.get('optimal') ?? []).map(String);
  return kind === 'model' ? data.models : data.series;
}

function colors_of(kind: LegendKind, is_dark: boolean): string[] {
  const count = names_of(kind).length;
  if (kind !== 'series') return ordered_colors(count, is_dark);
  return Array.from({ length: count }, (_, i) => categorical(is_dark)[i % categorical(is_dark).length]);
}

const shapes = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down', 'triangle-right', 'stroke'];

function is_number(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

// A logarithmic scale where the values span more than a factor of four and none is 0 or less.
function scale_type(rows: Row[], columns: string[]): string {
  const values = rows.flatMap((row) => columns.map((column) => row[column])).filter(is_number);
  const low = Math.min(...values);
  return low > 0 && Math.max(...values) / low > 4 ? 'log' : 'linear';
}

function extent(rows: Row[], column: string): number[] {
  const values = rows.flatMap((row) => [row[column], row[`${column}_low`], row[`${column}_high`]].concat(column === 'value' ? [row.low, row.high] : []))
    .filter(is_number);
  const low = Math.min(...values), high = Math.max(...values);
  if (column === 'guidance' || column === 'steps') return [low, high];
  if (column === 'value' && scale_type(rows, ['value']) === 'log') return [low / 1.05, high * 1.05];
  const pad = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - pad, high + pad];
}

function middle_of(rows: Row[], column: string): number {
  const values = rows.map((row) => row[column]).filter(is_number);
  return Math.min(...values) + 0.55 * (Math.max(...values) - Math.min(...values));
}

function steps_of(rows: Row[]): number[] {
  return [...new Set(rows.map((row) => row.steps).filter(is_number))].sort((a, b) => a - b);
}

// What the words with a "$" stand for.
function words(all: Row[], is_dark: boolean): (word: string) => unknown {
  const fixed: Record<string, () => unknown> = {
    models: () => data.models,
    model_colors: () => colors_of('model', is_dark),
    series: () => data.series,
    series_colors: () => colors_of('series', is_dark),
    series_shapes: () => data.series.map((_, i) => shapes[i % shapes.length]),
    main_series: () => data.main_series,
    metric: () => data.metric.label,
    cost: () => cost_axis.column,
    cost_title: () => cost_axis.label + (cost_axis.column === 'cost_normalised' ? ` (${data.normalised_by} = 1)` : ''),
    value_scale: () => scale_type(all, ['value']),
    cost_scale: () => scale_type(tables.get('optimal') ?? [], [cost_axis.column]),
    steps: () => steps_of(tables.get('optimal') ?? []),
    steps_colors: () => colors_of('steps', is_dark),
    guidance_middle: () => String(middle_of(all, 'guidance')),
    ink: () => theme(is_dark).ink,
    soft: () => theme(is_dark).soft,
    paper: () => theme(is_dark).paper,
  };
  return (word) => {
    if (word.startsWith('$extent:')) return extent(all, word.slice(8));
    const known = fixed[word.slice(1)];
    return known ? known() : word;
  };
}

// Replaces words, also inside of texts ("datum['$cost']").
function substitute(value: unknown, word: (name: string) => unknown): unknown {
  if (typeof value === 'string') {
    if (/^\$[a-z_]+(:[a-z_]+)?$/.test(value)) return word(value);
    return value.replace(/\$[a-z_]+/g, (name) => {
      const found = word(name);
      return typeof found === 'string' ? found : name;
    });
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, word));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, word)]));
  return value;
}

function rows_of(name: string): Row[] {
  const rows = tables.get(name) ?? [];
  return rows.length > 0 && 'cost_axis' in rows[0] ? rows.filter((row) => row.cost_axis === cost_axis.column) : rows;
}

function legend(kind: LegendKind, is_dark: boolean): HTMLUListElement {
  const list = document.createElement('ul');
  list.className = 'legend';
  const colors = colors_of(kind, is_dark);
  names_of(kind).forEach((name, i) => {
    const item = document.createElement('li');
    const mark = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    mark.setAttribute('width', '18');
    mark.setAttribute('height', '12');
    mark.setAttribute('aria-hidden', 'true');
    const line = document.createElementNS(mark.namespaceURI, 'rect');
    for (const [key, value] of Object.entries({ x: '0', y: '3', width: '18', height: '6', rx: '3', fill: colors[i] })) line.setAttribute(key, value);
    mark.append(line);
    item.append(mark, kind === 'steps' ? `${name} steps` : name);
    list.append(item);
  });
  return list;
}

async function draw_plot(box: HTMLElement, figure: Figure, shown: (row: Row) => boolean, label: string): Promise<void> {
  drawn.get(box)?.finalize();
  const is_dark: Scheme = dark.matches;
  const meta = figure.spec.usermeta?.isocost ?? {};
  const table = figure.spec.data?.name ?? '';
  const spec = substitute(figure.spec, words(rows_of(table), is_dark)) as Record<string, unknown>;
  const datasets = Object.fromEntries([...tables.keys()].map((name) => [name, rows_of(name).filter(shown)]));
  const complete = {
    width: 'container', height: meta.height ?? 300, background: 'transparent', autosize: { type: 'fit', contains: 'padding' },
    ...spec, datasets, usermeta: undefined,
  } as unknown as VisualizationSpec;
  const result = await embed(box, complete, {
    ast: true, renderer: 'svg', logLevel: errors_only, config: theme(is_dark).config, tooltip: { theme: is_dark ? 'dark' : 'light' },
    actions: { export: true, source: false, compiled: false, editor: false },
    downloadFileName: figure.name,
  });
  box.querySelector('svg.marks')?.setAttribute('aria-label', label);
  drawn.set(box, result);
}

async function draw(element: HTMLElement, figure: Figure): Promise<void> {
  const meta = figure.spec.usermeta?.isocost ?? {};
  const host = element.querySelector<HTMLElement>('.plots');
  if (!host) return;
  const title = element.querySelector('h3')?.textContent ?? figure.name;
  element.querySelector('.legend')?.remove();
  if (meta.legend) host.before(legend(meta.legend, dark.matches));
  const rows = tables.get(figure.spec.data?.name ?? '') ?? [];
  const names = meta.each === undefined ? [''] : (meta.each === 'model' ? data.models : data.series).filter((name) => rows.some((row) => row[meta.each!] === name));
  host.classList.toggle('many', names.length > 1);
  host.classList.toggle('wide', names.length === 2 || names.length === 4);
  while (host.children.length < names.length) {
    const plot = document.createElement('div');
    plot.className = 'plot';
    plot.append(document.createElement('h4'), document.createElement('div'));
    host.append(plot);
  }
  for (const [i, name] of names.entries()) {
    const [heading, box] = host.children[i].children as unknown as [HTMLElement, HTMLElement];
    heading.textContent = name;
    heading.hidden = name === '';
    const shown = (row: Row) => meta.each === undefined || row[meta.each] === name || !(meta.each in row);
    try {
      await draw_plot(box, figure, shown, name === '' ? title : `${title}: ${name}`);
    } catch (error) {
      box.textContent = `This figure could not be drawn: ${String(error)}`;
      console.error(`figure ${figure.name}: ${String(error)}`);
    }
  }
}

async function draw_all(which: (figure: Figure) => boolean): Promise<void> {
  document.documentElement.dataset.figures = 'drawing';
  for (const figure of data.figures) {
    const element = document.querySelector<HTMLElement>(`figure[data-figure="${CSS.escape(figure.name)}"]`);
    if (element && which(figure)) await draw(element, figure);
  }
  document.documentElement.dataset.figures = 'drawn';
}

// One drawing at a time, in the order in which they were asked for.
let queue: Promise<void> = Promise.resolve();
function enqueue(which: (figure: Figure) => boolean): void {
  queue = queue.then(() => draw_all(which));
}

function show_axis(column: string): void {
  cost_axis = data.axes.find((axis) => axis.column === column) ?? data.axes[0];
  for (const element of document.querySelectorAll<HTMLElement>('[data-axis]')) element.hidden = element.dataset.axis !== cost_axis.column;
}

for (const input of document.querySelectorAll<HTMLInputElement>('input[name="cost-axis"]')) {
  input.addEventListener('change', () => {
    show_axis(input.value);
    enqueue((figure) => /\$cost|"envelope"|"answer"/.test(JSON.stringify(figure.spec)));
  });
}
dark.addEventListener('change', () => enqueue(() => true));
enqueue(() => true);
