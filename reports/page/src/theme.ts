// Colours and type of the figures, light and dark. Categories: Okabe and Ito's palette, in the tones that keep contrast
// with the background. Quantities: viridis.
import type { Config } from 'vega-embed';

export type Scheme = boolean;

const light = ['#0072b2', '#d55e00', '#008060', '#a5437f', '#b07c00', '#2b8cbe', '#444444', '#7a5195'];
const night = ['#56b4e9', '#e8954a', '#3cc79c', '#e49bc4', '#f0e442', '#9ad0f5', '#c8ccd4', '#b79ad6'];

export function categorical(is_dark: Scheme): string[] {
  return is_dark ? night : light;
}

export interface Theme { ink: string; soft: string; paper: string; config: Config }

export function theme(is_dark: Scheme): Theme {
  const ink = is_dark ? '#e8e9ec' : '#1b1d22';
  const soft = is_dark ? '#a3a9b4' : '#5a606b';
  const line = is_dark ? '#32363f' : '#e3e5e9';
  const paper = is_dark ? '#14161a' : '#fdfdfc';
  const font = 'system-ui, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif';
  return {
    ink, soft, paper,
    config: {
      background: 'transparent', font, padding: { left: 2, top: 6, right: 8, bottom: 2 },
      view: { stroke: null },
      axis: {
        labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 11.5,
        titleFontSize: 12, titleFontWeight: 500, labelPadding: 6, titlePadding: 8, labelFlush: false, labelOverlap: 'greedy',
      },
      axisX: { grid: false }, axisY: { domain: false, ticks: false },
      legend: { labelColor: soft, titleColor: soft, labelFontSize: 11.5, titleFontSize: 12, titleFontWeight: 500, orient: 'bottom' },
      title: { color: ink }, text: { color: ink },
      range: { category: categorical(is_dark), heatmap: { scheme: 'viridis' }, ramp: { scheme: 'viridis' } },
      line: { strokeWidth: 2, strokeCap: 'round' }, point: { size: 44, filled: true }, rule: { color: soft },
    } as Config,
  };
}
