// The report's data as the page carries it: tables packed by column, and what each task is about.
export type Value = number | string | boolean | null;
export type Row = Record<string, Value>;
type PackedColumn = Value[] | { texts: string[]; at: (number | null)[] };
interface PackedTable {
  size: number;
  columns: Record<string, PackedColumn>;
  left_out: number | null;
}

export interface Axis {
  column: string;
  label: string;
}
export type LegendKind = 'series' | 'model' | 'steps' | 'guidance';
export interface FigureMeta {
  title?: string;
  each?: string;
  legend?: LegendKind;
  height?: number;
}
export type Spec = { usermeta?: { isocost?: FigureMeta }; data?: { name?: string } } & Record<string, unknown>;
export interface Figure {
  name: string;
  spec: Spec;
}
export interface Task {
  id: string;
  name: string;
  axes: string[];
  metric: { name: string; label: string; is_lower_better: boolean } | null;
  models: string[];
  series: string[];
  main_series: string;
  normalised_by: string;
  figures: Figure[];
}
interface ReportData {
  axes: Axis[];
  tasks: Task[];
  tables: Record<string, PackedTable>;
  titles: Record<string, string>;
}

function unpack(table: PackedTable): Row[] {
  const columns = Object.entries(table.columns).map(
    ([name, packed]) =>
      [name, Array.isArray(packed) ? packed : packed.at.map((at) => (at === null ? null : packed.texts[at]))] as const,
  );
  return Array.from({ length: table.size }, (_, i) =>
    Object.fromEntries(columns.map(([name, values]) => [name, values[i]])),
  );
}

const data = JSON.parse(document.getElementById('isocost-data')?.textContent ?? 'null') as ReportData;
const tables = new Map(Object.entries(data.tables).map(([name, table]) => [name, unpack(table)]));

export const { axes, tasks, titles } = data;

// Rows that were not put into the page, for there are too many; null: all are here.
export function left_out(table: string): number | null {
  return data.tables[table]?.left_out ?? null;
}

export const table_names = (): string[] => [...tables.keys()];

// A task's rows; of tables that have them once a cost axis those of that axis.
export function rows_of(name: string, task: Task, cost: string): Row[] {
  return (tables.get(name) ?? []).filter(
    (row) => (!('task' in row) || row.task === task.name) && (!('cost_axis' in row) || row.cost_axis === cost),
  );
}

export function is_number(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function distinct(rows: Row[], column: string): number[] {
  return [...new Set(rows.map((row) => row[column]).filter(is_number))].sort((a, b) => a - b);
}
