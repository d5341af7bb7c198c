// Lifecycles as data: a program says what each message makes of a state, and which effects follow. It does nothing
// itself. `observe` runs one: the effects go to whoever can carry them out.

import { misuse } from '../../errors';

export type Dispatch<Msg> = (message: Msg) => void;

/** A state and a message give the next state and the effects, in order. */
export interface Program<Msg, Model, Fx> {
  readonly init: [Model, ...Fx[]];
  update(message: Msg, model: Model): [Model, ...Fx[]];
}

export interface StateTransition<S> {
  from: S;
  to: S;
  timestamp: number;
}

export type TransitionListener<S> = (transition: StateTransition<S>) => void;

export interface ObservableHandle<Msg, Model> {
  dispatch: Dispatch<Msg>;
  getState(): Model;
  subscribeToTransitions(listener: TransitionListener<Model>): () => void;
  waitForState(predicate: (state: Model) => boolean, options?: { timeoutMs?: number }): Promise<Model>;
}

/**
 * Runs `program`. A message that is dispatched while another is handled waits for its turn. What a listener throws does
 * not stop the program: it is told as a process warning.
 */
export function observe<Msg, Model, Fx>(
  program: Program<Msg, Model, Fx>,
  perform: (effect: Fx, dispatch: Dispatch<Msg>) => void,
): ObservableHandle<Msg, Model> {
  const [first, ...begin] = program.init;
  const listeners = new Set<TransitionListener<Model>>();
  const waiting: Msg[] = [];
  let state = first;
  let busy = false;

  const tell = (from: Model, to: Model): void => {
    const transition = { from, to, timestamp: Date.now() };
    for (const listener of [...listeners]) {
      try {
        listener(transition);
      } catch (error) {
        process.emitWarning(`a listener for transitions failed: ${String(error)}`, { code: 'GINNEL_KYNETA_LISTENER' });
      }
    }
  };
  const dispatch = (message: Msg): void => {
    waiting.push(message);
    if (busy) return;
    busy = true;
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const from = state;
        const [to, ...effects] = program.update(next, from);
        state = to;
        if (to !== from) {
          tell(from, to);
        }
        effects.forEach((effect) => perform(effect, dispatch));
      }
    } finally {
      busy = false;
    }
  };
  const subscribeToTransitions = (listener: TransitionListener<Model>): (() => void) => {
    if (typeof listener !== 'function') throw misuse('a listener for transitions must be a function');
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };

  begin.forEach((effect) => perform(effect, dispatch));
  const getState = (): Model => state;
  const waitForState = waiter(getState, subscribeToTransitions);
  return { dispatch, getState, subscribeToTransitions, waitForState };
}

function waiter<Model>(
  getState: () => Model,
  subscribe: (listener: TransitionListener<Model>) => () => void,
): ObservableHandle<never, Model>['waitForState'] {
  return (predicate, options) => {
    if (typeof predicate !== 'function') throw misuse('what is waited for must be a function of the state');
    if (predicate(getState())) return Promise.resolve(getState());
    return new Promise((resolve, reject) => {
      const timeoutMs = options?.timeoutMs;
      const finish = (): void => {
        unsubscribe();
        clearTimeout(timer);
      };
      const unsubscribe = subscribe(({ to }) => {
        if (predicate(to)) {
          finish();
          resolve(to);
        }
      });
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => {
        finish();
        reject(new Error(`the state that was waited for did not come in ${timeoutMs} ms`));
      }, timeoutMs);
    });
  };
}
