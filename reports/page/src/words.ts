// What the words with a "$" in a figure's file stand for (reports/figures/README.md), so that one file serves every
// study, task, cost axis, width and colour scheme.
import { axes, distinct, is_number, titles, type LegendKind, type Row, type Task } from './data';
import { categorical, dash_of, ordered, shape_of, theme, type Scheme } from './theme';

export interface Scene {
  task: Task;
  cost: string; // the column of the chosen cost axis
  is_dark: Scheme;
  paper?: string; // of a picture that is saved
  rows: Row[]; // of the figure's table, all panels
  legend?: LegendKind;
  has_legend: boolean; // in this panel: one serves all
  legend_columns: number;
  width: number; // of a panel's plot, in pixels
  height: number;
}

// What a legend names; steps and guidances those of the rows that are drawn.
export function names_of(kind: LegendKind, task: Task, rows: Row[]): string[] {
  if (kind === 'model') return task.models;
  if (kind === 'series') return task.series;
  return distinct(rows, kind).map(String);
}

function colors_of(kind: LegendKind, count: number, is_dark: Scheme): string[] {
  if (kind !== 'series') return ordered(count, is_dark);
  return Array.from({ length: count }, (_, i) => categorical(is_dark)[i % categorical(is_dark).length]);
}

const column_of = (name: string, scene: Scene): string =>
  name === 'cost' && scene.rows.every((row) => !('cost' in row)) ? scene.cost : name;

function title_of(name: string, scene: Scene): string {
  if (name === 'value') {
    const metric = scene.task.metric;
    return metric ? `${metric.label} (${metric.is_lower_better ? 'lower' : 'higher'} is better)` : 'value';
  }
  const axis = axes.find((one) => one.column === (name === 'cost' ? scene.cost : name));
  if (axis) return axis.label + (axis.column === 'cost_normalised' ? ` (${scene.task.normalised_by} = 1)` : '');
  return titles[name] ?? name.replaceAll('_', ' ');
}

// Values with the ends of their intervals.
function values_of(rows: Row[], column: string): number[] {
  const ends = column === 'value' ? ['low', 'high'] : [`${column}_low`, `${column}_high`];
  return rows.flatMap((row) => [row[column], row[ends[0]], row[ends[1]]]).filter(is_number);
}

// A logarithmic scale where the values span more than a factor of four and none is 0 or less.
function is_log(rows: Row[], column: string): boolean {
  const values = rows.map((row) => row[column]).filter(is_number);
  const all = values_of(rows, column);
  const low = Math.min(...values);
  return values.length > 0 && Math.min(...all) > 0 && low > 0 && Math.max(...values) / low > 4;
}

function extent(rows: Row[], column: string, by_log: boolean): number[] {
  const values = values_of(rows, column);
  if (values.length === 0) return by_log ? [1, 10] : [0, 1];
  const low = Math.min(...values),
    high = Math.max(...values);
  if (by_log) return [low / 1.05, high * 1.05];
  const pad = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - pad, high + pad];
}

const kMantissas = [
  [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9],
  [1, 1.5, 2, 3, 4, 5, 7],
  [1, 1.5, 2, 3, 5, 7],
  [1, 2, 5],
  [1, 3],
  [1],
];

// Ticks where the data lie: the densest of some customary series whose labels have room.
export function log_ticks([low, high]: number[], pixels: number, room: number): number[] {
  for (const mantissas of kMantissas) {
    const ticks: number[] = [];
    for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.log10(high); ++exponent)
      for (const mantissa of mantissas) {
        const tick = Number(`${mantissa}e${exponent}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    const place = (tick: number) => (Math.log(tick / low) / Math.log(high / low)) * pixels;
    if (ticks.every((tick, i) => i === 0 || place(tick) - place(ticks[i - 1]) >= room)) return ticks;
  }
  return [low, high].map((end) => Number(end.toPrecision(2)));
}

// Of given values as many as have room, the first and the last among them.
export function thinned(values: number[], place: (value: number) => number, room: number): number[] {
  const kept: number[] = [];
  const last = values[values.length - 1];
  for (const value of values) {
    const is_free = kept.length === 0 || place(value) - place(kept[kept.length - 1]) >= room;
    if (value === last) {
      if (!is_free && kept.length > 1) kept.pop();
      kept.push(value);
    } else if (is_free && (kept.length === 0 || place(last) - place(value) >= room)) {
      kept.push(value);
    }
  }
  return kept;
}

const kLetter = 6.6; // pixels of a digit at the labels' size

// An axis over a column: its scale, its ticks, its title with "log" where it is.
function quantity(name: string, channel: 'x' | 'y', scene: Scene): unknown {
  const column = column_of(name, scene);
  const is_grid = column === 'steps' || column === 'guidance';
  const by_log = column === 'steps' ? distinct(scene.rows, 'steps').length > 1 : is_log(scene.rows, column);
  const pixels = channel === 'x' ? scene.width : scene.height;
  const values = distinct(scene.rows, column);
  const domain =
    is_grid && values.length > 1 ? [values[0], values[values.length - 1]] : extent(scene.rows, column, by_log);
  const room = channel === 'y' ? 20 : 6 * kLetter;
  const padding = 12;
  const usable = Math.max(40, pixels - 2 * padding);
  const at = (value: number) =>
    usable *
    (by_log
      ? Math.log(value / domain[0]) / Math.log(domain[1] / domain[0])
      : (value - domain[0]) / (domain[1] - domain[0]));
  const axis: Record<string, unknown> = {
    format: is_grid ? '~r' : column === 'parameters' ? '.2~s' : '.4~r',
    tickCount: Math.max(2, Math.floor(pixels / (channel === 'x' ? 75 : 40))),
  };
  if (is_grid && values.length > 1) axis.values = thinned(values, at, 4 * kLetter);
  else if (by_log) axis.values = log_ticks(domain, usable, room);
  if (axis.values) axis.labelOverlap = false; // they have room
  return {
    field: column,
    type: 'quantitative',
    title: title_of(name, scene) + (by_log ? ', log' : ''),
    axis,
    scale: { type: by_log ? 'log' : 'linear', domain, nice: false, zero: false, padding },
  };
}

// Colour, shape and dash of what the legend names; one legend for the three.
function mark(channel: 'color' | 'shape' | 'strokeDash', scene: Scene): unknown {
  const kind = scene.legend ?? 'model';
  const names = names_of(kind, scene.task, scene.rows);
  const range =
    channel === 'color'
      ? colors_of(kind, names.length, scene.is_dark)
      : names.map((_, i) => (channel === 'shape' ? shape_of(i) : dash_of(i)));
  const is_number_kind = kind === 'steps' || kind === 'guidance';
  const legend =
    !scene.has_legend || channel === 'strokeDash'
      ? null
      : {
          title: { model: 'model', series: 'sampler', steps: 'steps', guidance: 'guidance' }[kind],
          columns: scene.legend_columns,
          symbolLimit: 200,
        };
  return {
    field: kind,
    type: is_number_kind ? 'ordinal' : 'nominal',
    legend,
    scale: { domain: is_number_kind ? names.map(Number) : names, range },
  };
}

function tooltip(scene: Scene): unknown {
  const wanted = [
    'model',
    'series',
    'steps',
    'guidance',
    'value',
    'low',
    'high',
    ...(scene.rows.some((row) => scene.cost in row) ? [scene.cost] : []),
  ];
  const names: Record<string, string> = {
    series: 'sampler',
    value: scene.task.metric?.label ?? 'value',
    low: '95 % interval from',
    high: 'to',
    steps: 'steps',
    guidance: 'guidance',
  };
  return wanted
    .filter((column) => scene.rows.length === 0 || column in scene.rows[0])
    .map((column) => ({
      field: column,
      title: names[column] ?? title_of(column, scene),
      ...(['value', 'low', 'high'].includes(column)
        ? { format: '.4~r' }
        : column === scene.cost
          ? { format: '.3~r' }
          : {}),
    }));
}

function middle_of(rows: Row[], column: string): number {
  const values = rows.map((row) => row[column]).filter(is_number);
  return Math.min(...values) + 0.55 * (Math.max(...values) - Math.min(...values));
}

// Labels of a band axis, thinned to what has room.
function band_labels(scene: Scene): number[] {
  const values = distinct(scene.rows, 'steps');
  return thinned(values, (value) => (values.indexOf(value) + 0.5) * (scene.width / values.length), 4 * kLetter);
}

function words(scene: Scene): (word: string) => unknown {
  const { task, is_dark } = scene;
  const tones = theme(is_dark, scene.paper);
  const fixed: Record<string, () => unknown> = {
    models: () => task.models,
    model_colors: () => colors_of('model', task.models.length, is_dark),
    series: () => task.series,
    series_colors: () => colors_of('series', task.series.length, is_dark),
    series_shapes: () => task.series.map((_, i) => shape_of(i)),
    main_series: () => task.main_series,
    metric: () => task.metric?.label ?? 'value',
    cost: () => scene.cost,
    cost_title: () => title_of('cost', scene),
    value_scale: () => (is_log(scene.rows, 'value') ? 'log' : 'linear'),
    cost_scale: () => (is_log(scene.rows, column_of('cost', scene)) ? 'log' : 'linear'),
    steps: () => distinct(scene.rows, 'steps'),
    steps_colors: () => colors_of('steps', distinct(scene.rows, 'steps').length, is_dark),
    steps_labels: () => band_labels(scene),
    guidance_middle: () => String(middle_of(scene.rows, 'guidance')),
    color: () => mark('color', scene),
    shape: () => mark('shape', scene),
    dash: () => mark('strokeDash', scene),
    tooltip: () => tooltip(scene),
    best_op: () => (task.metric?.is_lower_better === false ? 'max' : 'min'),
    cells_have_room: () => String(scene.width / Math.max(1, distinct(scene.rows, 'steps').length) >= 30),
    ink: () => tones.ink,
    soft: () => tones.soft,
    paper: () => tones.paper,
  };
  return (word) => {
    const [name, column] = word.slice(1).split(':');
    if (name === 'x' || name === 'y') return quantity(column, name, scene);
    if (name === 'extent') return extent(scene.rows, column, is_log(scene.rows, column));
    return fixed[name] ? fixed[name]() : word;
  };
}

// Members whose texts are expressions: what is put into one stands between quotes.
const kExpressions = new Set(['filter', 'calculate', 'test', 'expr', 'labelExpr', 'and', 'or', 'not']);
const escaped = (text: string): string => text.replace(/['"\\]/g, '\\$&');

function replaced(value: unknown, word: (name: string) => unknown, is_expression = false): unknown {
  if (typeof value === 'string') {
    if (/^\$[a-z_]+(:[a-z_0-9]+)?$/.test(value)) return word(value);
    return value.replace(/\$[a-z_]+/g, (name) => {
      const found = word(name);
      if (typeof found !== 'string') return name;
      return is_expression ? escaped(found) : found;
    });
  }
  if (Array.isArray(value)) return value.map((item) => replaced(item, word, is_expression));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, replaced(item, word, kExpressions.has(key))]),
    );
  return value;
}

// Replaces words, also inside of texts ("datum['$cost']").
export function substitute<T>(value: T, scene: Scene): T {
  return replaced(value, words(scene)) as T;
}
