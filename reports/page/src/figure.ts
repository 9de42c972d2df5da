// A figure as one Vega-Lite specification: title, legend and all panels, as wide as it is asked for, so that what is
// saved is what is seen.
import { left_out, rows_of, table_names, type Figure, type FigureMeta, type Row, type Task } from './data';
import { font, theme, type Scheme } from './theme';
import { names_of, substitute, type Scene } from './words';

export interface Frame {
  task: Task;
  cost: string;
  is_dark: Scheme;
  width: number;
  paper?: string;
}

const kPanelsMax = 12;
const kPanelWidth = 270; // of a panel with its axis, at least
const kGap = 22;
const kAxis = 66; // what labels and title of a vertical axis take
const context = document.createElement('canvas').getContext('2d');

export function text_width(text: string, css: string): number {
  if (context) context.font = css;
  return context?.measureText(text).width ?? 7 * text.length;
}

export function wrapped(text: string, width: number, css: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length > 0 ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length > 0 && text_width(longer, css) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

export const meta_of = (figure: Figure): FigureMeta => figure.spec.usermeta?.isocost ?? {};
export const table_of = (figure: Figure): string => figure.spec.data?.name ?? '';

// The values of the column that makes panels, in the study's order; the best ones where there are too many.
export function panels_of(figure: Figure, frame: Frame): { names: string[]; of: number } {
  const each = meta_of(figure).each;
  if (!each) return { names: [''], of: 1 };
  const rows = rows_of(table_of(figure), frame.task, frame.cost);
  const order =
    each === 'model'
      ? frame.task.models
      : each === 'series'
        ? frame.task.series
        : [...new Set(rows.map((row) => String(row[each])))];
  const all = order.filter((name) => rows.some((row) => String(row[each]) === name));
  if (all.length <= kPanelsMax) return { names: all, of: all.length };
  const sign = frame.task.metric?.is_lower_better === false ? -1 : 1;
  const best = new Map<string, number>();
  for (const row of rows) {
    const name = String(row[each]),
      value = sign * Number(row.value);
    best.set(name, Math.min(best.get(name) ?? Infinity, value));
  }
  const kept = new Set([...all].sort((a, b) => (best.get(a) ?? 0) - (best.get(b) ?? 0)).slice(0, kPanelsMax));
  return { names: all.filter((name) => kept.has(name)), of: all.length };
}

function columns_for(count: number, width: number): number {
  const most = Math.max(1, Math.min(count, Math.floor((width + kGap) / (kPanelWidth + kGap)), 4));
  // Rows of equal length look better than a full one and a rest.
  return Math.ceil(count / Math.ceil(count / most));
}

function legend_columns(figure: Figure, frame: Frame, rows: Row[]): number {
  const kind = meta_of(figure).legend;
  if (!kind) return 1;
  const names = names_of(kind, frame.task, rows);
  const widest = Math.max(...names.map((name) => text_width(name, `11.5px ${font}`)));
  const own = text_width('guidance', `500 12px ${font}`) + 12;
  return Math.max(1, Math.min(names.length, Math.floor((frame.width - own) / (widest + 34))));
}

// Names of tables as they stand in a panel: each has rows of its own.
function renamed(value: unknown, name_of: (table: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, name_of));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const name =
        key === 'data' && item !== null && typeof item === 'object' ? (item as { name?: unknown }).name : undefined;
      return [key, typeof name === 'string' ? { ...(item as object), name: name_of(name) } : renamed(item, name_of)];
    }),
  );
}

// The tables that a specification draws, each once.
function tables_in(spec: unknown): string[] {
  const names = new Set<string>();
  renamed(spec, (table) => {
    names.add(table);
    return table;
  });
  return [...names];
}

// Whether it draws the main series alone.
function draws_one_series(spec: unknown): boolean {
  if (spec === null || typeof spec !== 'object') return false;
  const filter = spec as { field?: unknown; equal?: unknown };
  if (filter.field === 'series' && filter.equal === '$main_series') return true;
  return Object.values(spec).some(draws_one_series);
}

// `shrink`: pixels that a panel is narrower than its share, for axes that turned out wider.
export function compose(figure: Figure, frame: Frame, title: string, shrink = 0): Record<string, unknown> {
  const meta = meta_of(figure);
  const { names } = panels_of(figure, frame);
  const count = columns_for(names.length, frame.width);
  const width = Math.max(80, Math.floor((frame.width - kGap * (count - 1)) / count - kAxis - shrink));
  // Scales are of what is drawn: many figures draw one series alone.
  const is_of_one = draws_one_series(figure.spec);
  const rows = rows_of(table_of(figure), frame.task, frame.cost).filter(
    (row) => !is_of_one || row.series === frame.task.main_series,
  );
  const datasets: Record<string, Row[]> = {};
  const tables = tables_in(figure.spec).filter((table) => table_names().includes(table));
  const panels = names.map((name, i) => {
    const scene: Scene = {
      task: frame.task,
      cost: frame.cost,
      is_dark: frame.is_dark,
      paper: frame.paper,
      rows,
      legend: meta.legend,
      has_legend: i === 0,
      legend_columns: legend_columns(figure, frame, rows),
      width,
      height: meta.height ?? 300,
    };
    const shown = (row: Row) => !meta.each || !(meta.each in row) || String(row[meta.each]) === name;
    for (const table of tables) datasets[`${table}/${i}`] = rows_of(table, frame.task, frame.cost).filter(shown);
    const {
      usermeta: _,
      $schema: __,
      description: ___,
      ...spec
    } = renamed(substitute(figure.spec, scene), (table) => `${table}/${i}`) as Record<string, unknown>;
    const heading =
      names.length > 1 || name !== ''
        ? {
            text: wrapped(name, width, `600 12.5px ${font}`),
            fontSize: 12.5,
            lineHeight: 16,
            offset: 6,
            anchor: 'start',
            frame: 'group',
          }
        : undefined;
    return { width, height: meta.height ?? 300, ...(heading ? { title: heading } : {}), ...spec };
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    datasets,
    title: { text: wrapped(title, frame.width - 8, `600 15px ${font}`), anchor: 'start', frame: 'bounds' },
    concat: panels,
    columns: count,
    spacing: kGap,
    align: 'each',
    resolve: { scale: { color: 'shared', shape: 'shared', strokeDash: 'shared' } },
    config: theme(frame.is_dark, frame.paper).config,
  };
}

// What a reader should know of a figure beside its caption.
export function remark_on(figure: Figure, frame: Frame): string {
  const { names, of } = panels_of(figure, frame);
  const parts: string[] = [];
  if (names.length < of) parts.push(`Shown are the ${names.length} of ${of} with the best values.`);
  const missing = left_out(table_of(figure));
  const drawn = rows_of(table_of(figure), frame.task, frame.cost);
  if (missing !== null)
    parts.push(
      drawn.length === 0
        ? `Nothing is drawn: its ${missing} rows are too many for a page. They are in report.json beside it.`
        : `${missing} rows are in report.json beside the page alone: those of the sampler that most cells have are drawn, at some of the steps.`,
    );
  return parts.join(' ');
}
