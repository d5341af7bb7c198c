// Finds the user's `@kyneta/transport` when it is first needed, and stands in for its base class until then, so that
// importing this face needs nothing.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { misuse } from '../../errors';
import type { MessageLayer, PipelineOptions, Transport, TransportParameters, WirePipeline } from './contract';
import { asError, KynetaError } from './faults';

/**
 * Says which message layer to use: the module `@kyneta/transport` itself. Needed where it cannot be found, or not be
 * loaded with `require`. Once one is in use there can be no other.
 */
export function useTransport(module: object): void {
  const found = check(module, 'what was given to useTransport');
  if (layer !== undefined && layer.Transport !== found.Transport) {
    throw new KynetaError('ERR_GINNEL_KYNETA_LAYER', 'another @kyneta/transport is in use already');
  }
  adopt(found);
}

/** The layer in use. The first call looks for it. */
export function messageLayer(): MessageLayer {
  return layer ?? adopt(find());
}

/** The base class of our transports: the layer's own, found when the first transport is made. */
export const LateTransport: typeof Transport = declared(function LateTransport(parameters: TransportParameters) {
  if (new.target === undefined) throw misuse('a transport is made with new');
  return Reflect.construct(messageLayer().Transport, [parameters], new.target);
});

/** `construct` makes what the declaration says: an object of the layer's class, with the prototype of ours. */
function declared(construct: unknown): typeof Transport {
  return construct as typeof Transport;
}

function adopt(found: MessageLayer): MessageLayer {
  if (layer === undefined) {
    Object.setPrototypeOf(LateTransport, found.Transport);
    Object.setPrototypeOf(LateTransport.prototype, found.Transport.prototype);
    layer = found;
  }
  return layer;
}

/** Where the module may be: beside this package, beside the program, beside where it was started. */
function find(): MessageLayer {
  const places = [__filename, require.main?.filename, process.argv[1], join(process.cwd(), '-')];
  const failures: unknown[] = [];
  for (const place of places) {
    if (place === undefined) continue;
    try {
      const file = entryFrom(resolve(place));
      if (file !== undefined) return check(createRequire(file)(file), file);
    } catch (error) {
      failures.push(error);
    }
  }
  const [reason] = failures;
  const hint = `install ${NAME}@1.8, or hand it over: useTransport(await import("${NAME}"))`;
  const message = reason === undefined ? `${NAME} was not found` : `${NAME} cannot be used: ${asError(reason).message}`;
  throw new KynetaError('ERR_GINNEL_KYNETA_LAYER', `${message}; ${hint}`, { cause: reason });
}

/** The file that `import` would load. The package may export nothing to `require`, which can load it all the same. */
function entryFrom(place: string): string | undefined {
  const directories = createRequire(place).resolve.paths(NAME) ?? [];
  const manifest = directories.map((directory) => join(directory, NAME, 'package.json')).find((file) => existsSync(file));
  if (manifest === undefined) return undefined;
  const { exports, main }: { exports?: unknown; main?: unknown } = JSON.parse(readFileSync(manifest, 'utf8'));
  const entry = target(exports) ?? main;
  return join(dirname(manifest), typeof entry === 'string' ? entry : 'index.js');
}

function target(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const conditions = new Map(Object.entries(exports));
  for (const condition of ['.', 'node', 'import', 'default', 'require']) {
    const found = target(conditions.get(condition));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether this is a message layer that we understand: its classes are there, and it writes the frames of 1.8. */
function check(module: unknown, from: string): MessageLayer {
  if (!isLayer(module)) {
    const needed = 'must have the classes Transport, Pipeline and FrameStreamParser of @kyneta/transport';
    throw misuse(`${from} ${needed}`);
  }
  const pipeline: WirePipeline = new module.Pipeline({ send: 'binary', opts: PIPELINE });
  const [framed] = pipeline.send({ type: 'depart' });
  pipeline.dispose();
  if (framed?.ok !== true || Buffer.compare(framed.value, DEPART) !== 0) {
    const message = `${from} does not write the frames of kyneta 1.8`;
    throw new KynetaError('ERR_GINNEL_KYNETA_LAYER', message);
  }
  return module;
}

function isLayer(module: unknown): module is MessageLayer {
  if (typeof module !== 'object' || module === null) return false;
  return ['Transport', 'Pipeline', 'FrameStreamParser'].every((name) => typeof Reflect.get(module, name) === 'function');
}

const NAME = '@kyneta/transport';

/**
 * Frames are never cut into fragments: 1.8 puts them together only if they come within a millisecond. It documents
 * limits for those that others send, and loses them on the way unless they are given here.
 */
export const PIPELINE: PipelineOptions = {
  threshold: Infinity,
  reassemblyTimeoutMs: 10_000,
  reassemblyMaxConcurrentFrames: 32,
  reassemblyMaxTotalSize: 50 * 1024 * 1024,
};

/** How 1.8 says that it goes: the shortest message there is. */
const DEPART = Buffer.from('020000000004a1617402', 'hex');

let layer: MessageLayer | undefined;
