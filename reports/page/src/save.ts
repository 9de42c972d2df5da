// Figures as files: SVG and PNG as they go into a paper (light, on white, with title and legend), and their data.
import { rows_of, type Figure, type Row } from './data';
import { compose, table_of, type Frame } from './figure';
import { to_view } from './view';

const kPaperWidth = 760;

export function csv_of(rows: Row[]): string {
  // As the report's own files: what a spreadsheet would run as a formula has one ' in front (docs/data.md).
  const field = (value: unknown): string => {
    if (value === null || value === undefined) return '';
    const text = typeof value === 'string' && /^[=+\-@\t\r']/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const columns = Object.keys(rows[0] ?? {});
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((line) => `${line.map(field).join(',')}\r\n`)
    .join('');
}

function hand_over(name: string, url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}

function hand_over_text(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  hand_over(name, url);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export async function save(figure: Figure, frame: Frame, title: string, kind: 'SVG' | 'PNG' | 'CSV'): Promise<void> {
  const name = `${frame.task.id}-${figure.name}`;
  if (kind === 'CSV')
    return hand_over_text(`${name}.csv`, csv_of(rows_of(table_of(figure), frame.task, frame.cost)), 'text/csv');
  const view = await to_view(
    compose(figure, { ...frame, is_dark: false, paper: '#ffffff', width: kPaperWidth }, title),
  );
  if (kind === 'SVG') hand_over_text(`${name}.svg`, await view.toSVG(), 'image/svg+xml');
  else hand_over(`${name}.png`, await view.toImageURL('png', 3));
  view.finalize();
}
