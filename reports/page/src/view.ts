// A view without an element, for a file. Expressions are interpreted, since the page's content security policy forbids
// code made from text.
import { Error as errors_only, parse, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile, type TopLevelSpec } from 'vega-lite';

export async function to_view(spec: Record<string, unknown>): Promise<View> {
  const quiet = { level: () => quiet, error: () => quiet, warn: () => quiet, info: () => quiet, debug: () => quiet };
  const vega = compile(spec as unknown as TopLevelSpec, { logger: quiet as never }).spec;
  return new View(parse(vega, undefined, { ast: true }), {
    renderer: 'none',
    expr: expressionInterpreter,
    logLevel: errors_only,
  }).runAsync();
}
