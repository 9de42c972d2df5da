// Draws the report's figures: each is a Vega-Lite specification over named tables, both embedded in the page, drawn once
// a task. Nothing is fetched; expressions are interpreted, since the page's content security policy forbids code made
// from text.
import embed, { type Result, type VisualizationSpec } from 'vega-embed';
import { Error as errors_only } from 'vega';
import { axes, tasks, type Figure, type Task } from './data';
import { compose, remark_on, type Frame } from './figure';
import { save } from './save';

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const drawn = new Map<HTMLElement, Result>();
let cost_axis = axes[0]?.column ?? '';

// The chosen axis, or the first that a task has an answer on.
const cost_of = (task: Task): string => (task.axes.includes(cost_axis) ? cost_axis : (task.axes[0] ?? cost_axis));

// One picture with one name: what stands in it is told by the caption and by the data that can be saved.
function name_picture(svg: Element, title: string): void {
  for (const part of svg.querySelectorAll('[role], [aria-label], [aria-roledescription]'))
    for (const name of ['role', 'aria-label', 'aria-roledescription']) part.removeAttribute(name);
  svg.removeAttribute('aria-roledescription');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', title);
}

async function draw_plot(box: HTMLElement, figure: Figure, frame: Frame, title: string): Promise<void> {
  drawn.get(box)?.finalize();
  for (let shrink = 0, attempt = 0; attempt < 3; ++attempt) {
    const spec = compose(figure, frame, title, shrink) as { columns: number };
    const result = await embed(box, spec as unknown as VisualizationSpec, {
      ast: true,
      renderer: 'svg',
      logLevel: errors_only,
      tooltip: { theme: frame.is_dark ? 'dark' : 'light' },
      actions: false,
    });
    drawn.set(box, result);
    const svg = box.querySelector('svg.marks');
    if (svg) name_picture(svg, title);
    const surplus = (svg?.getBoundingClientRect().width ?? 0) - frame.width;
    if (surplus <= 0) break;
    result.finalize();
    shrink += Math.ceil(surplus / spec.columns) + 1;
  }
}

function buttons(figure: Figure, task: Task, title: string): HTMLElement {
  const line = document.createElement('p');
  line.className = 'save';
  line.append('Save as ');
  for (const kind of ['SVG', 'PNG', 'CSV'] as const) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = kind;
    button.setAttribute('aria-label', `Save "${title}" as ${kind}`);
    button.addEventListener(
      'click',
      () => void save(figure, { task, cost: cost_of(task), is_dark: false, width: 0 }, title, kind),
    );
    line.append(button);
  }
  return line;
}

async function draw(element: HTMLElement, figure: Figure, task: Task): Promise<void> {
  const box = element.querySelector<HTMLElement>('.plot');
  if (!box) return;
  const title = element.querySelector('.figure-title')?.textContent ?? figure.name;
  const frame: Frame = {
    task,
    cost: cost_of(task),
    is_dark: dark.matches,
    width: Math.floor(element.getBoundingClientRect().width),
  };
  try {
    await draw_plot(box, figure, frame, title);
    element.classList.add('drawn');
    element.classList.toggle('dark', frame.is_dark);
  } catch (error) {
    box.textContent = `This figure could not be drawn: ${String(error)}`;
    element.classList.remove('drawn');
    console.error(`figure ${figure.name}: ${String(error)}`);
  }
  if (!element.querySelector('.save')) element.append(buttons(figure, task, title));
  const remark = remark_on(figure, frame);
  let place = element.querySelector('.remark');
  if (remark && !place) {
    place = document.createElement('p');
    place.className = 'remark soft small';
    element.append(place);
  }
  if (place) place.textContent = remark;
}

async function draw_all(which: (figure: Figure) => boolean): Promise<void> {
  document.documentElement.dataset.figures = 'drawing';
  for (const task of tasks)
    for (const figure of task.figures) {
      const element = document.querySelector<HTMLElement>(
        `figure[data-figure="${CSS.escape(figure.name)}"][data-task="${CSS.escape(task.id)}"]`,
      );
      if (element && which(figure)) await draw(element, figure, task);
    }
  document.documentElement.dataset.figures = 'drawn';
}

// One drawing at a time, in the order in which they were asked for.
let queue: Promise<void> = Promise.resolve();
function enqueue(which: (figure: Figure) => boolean): void {
  queue = queue.then(() => draw_all(which));
}

function show_axis(): void {
  for (const task of tasks)
    for (const element of document.querySelectorAll<HTMLElement>(`#task-${CSS.escape(task.id)} [data-axis]`))
      element.hidden = element.dataset.axis !== cost_of(task);
}

for (const input of document.querySelectorAll<HTMLInputElement>('input[name="cost-axis"]')) {
  input.addEventListener('change', () => {
    cost_axis = input.value;
    show_axis();
    enqueue((figure) => /\$cost|:cost|"envelope|"answer"/.test(JSON.stringify(figure.spec)));
  });
}

let drawn_width = window.innerWidth;
let waiting = 0;
window.addEventListener('resize', () => {
  clearTimeout(waiting);
  waiting = window.setTimeout(() => {
    if (window.innerWidth === drawn_width) return;
    drawn_width = window.innerWidth;
    enqueue(() => true);
  }, 150);
});
dark.addEventListener('change', () => enqueue(() => true));

// What is folded is opened for paper, and folded again.
let opened: HTMLDetailsElement[] = [];
window.addEventListener('beforeprint', () => {
  opened.push(...document.querySelectorAll<HTMLDetailsElement>('details:not([open])'));
  for (const details of opened) details.open = true;
});
window.addEventListener('afterprint', () => {
  for (const details of opened) details.open = false;
  opened = [];
});

enqueue(() => true);
