// Colours and type of the figures, light and dark. Categories: Okabe and Ito's palette, in the tones that keep contrast
// with the background. Sizes, steps and guidances are ordered, so their colours are too: that stretch of plasma which
// keeps a contrast of 3:1 (WCAG 2.2, 1.4.11). Quantities in cells: viridis.
import type { Config } from 'vega-embed';
import { scheme } from 'vega';

export type Scheme = boolean;

const light = ['#0072b2', '#d55e00', '#008060', '#a5437f', '#8f6500', '#2a7fae', '#444444', '#7a5195'];
const night = ['#56b4e9', '#e8954a', '#3cc79c', '#e49bc4', '#f0e442', '#9ad0f5', '#c8ccd4', '#b79ad6'];
const kContrast = 3.1;

export function categorical(is_dark: Scheme): string[] {
  return is_dark ? night : light;
}

function luminance(color: string): number {
  const hex = color.startsWith('#')
    ? color.slice(1)
    : (color.match(/\d+/g) ?? []).map((part) => Number(part).toString(16).padStart(2, '0')).join('');
  const [r, g, b] = [0, 2, 4].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// WCAG's ratio, from 1 to 21.
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

export function ordered(count: number, is_dark: Scheme): string[] {
  const at = scheme('plasma') as (t: number) => string;
  const paper = theme(is_dark).paper;
  const fits = Array.from({ length: 201 }, (_, i) => i / 200).filter((t) => contrast(at(t), paper) >= kContrast);
  const [from, to] = [fits[0], fits[fits.length - 1]];
  return Array.from({ length: count }, (_, i) => at(from + ((to - from) * i) / Math.max(1, count - 1)));
}

// Told apart without colour: neighbours differ in shape, and after a round of shapes in their dashes.
const shapes = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-right',
  'triangle-left',
];
const dashes = [
  [1, 0],
  [6, 3],
  [2, 2.5],
  [9, 3, 2, 3],
];
export const shape_of = (i: number): string => shapes[(i + Math.floor(i / shapes.length)) % shapes.length];
export const dash_of = (i: number): number[] => dashes[Math.floor(i / shapes.length) % dashes.length];

export const font = 'system-ui, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif';

export interface Theme {
  ink: string;
  soft: string;
  line: string;
  paper: string;
  config: Config;
}

export function theme(is_dark: Scheme, paper_color?: string): Theme {
  const ink = is_dark ? '#e8e9ec' : '#1b1d22';
  const soft = is_dark ? '#a3a9b4' : '#5a606b';
  const line = is_dark ? '#32363f' : '#e3e5e9';
  const paper = paper_color ?? (is_dark ? '#14161a' : '#fdfdfc');
  return {
    ink,
    soft,
    line,
    paper,
    config: {
      background: paper_color ?? 'transparent',
      font,
      padding: paper_color ? 10 : { left: 2, top: 2, right: 2, bottom: 2 },
      view: { stroke: null },
      axis: {
        labelColor: soft,
        titleColor: soft,
        gridColor: line,
        domainColor: soft,
        tickColor: soft,
        labelFontSize: 11.5,
        titleFontSize: 12,
        titleFontWeight: 500,
        labelPadding: 5,
        titlePadding: 7,
        labelFlush: false,
        labelOverlap: 'greedy',
        labelSeparation: 4,
      },
      axisX: { grid: false },
      axisY: { domain: false, ticks: false, minExtent: 34 },
      legend: {
        labelColor: ink,
        titleColor: soft,
        labelFontSize: 11.5,
        titleFontSize: 12,
        titleFontWeight: 500,
        orient: 'top',
        titleOrient: 'left',
        labelLimit: 320,
        symbolSize: 70,
        symbolStrokeWidth: 2,
        rowPadding: 3,
        columnPadding: 12,
        offset: 8,
      },
      title: {
        color: ink,
        anchor: 'start',
        font,
        fontSize: 15,
        fontWeight: 600,
        lineHeight: 20,
        offset: 10,
        subtitleColor: soft,
        subtitleFontSize: 12,
        subtitlePadding: 4,
      },
      header: { labelColor: ink, titleColor: soft },
      text: { color: ink },
      range: { category: categorical(is_dark), heatmap: { scheme: 'viridis' }, ramp: { scheme: 'viridis' } },
      line: { strokeWidth: 2, strokeCap: 'round' },
      point: { size: 44, filled: true, opacity: 1 },
      rule: { color: soft, strokeWidth: 1 },
    } as Config,
  };
}
