// Descriptors: received ones are owned objects, sent ones stay the caller's.

import { misuse, unsupported } from './errors';
import { Fd } from './native';

export { Fd };

/** A descriptor to be sent: its number, or the object that owns it. It stays the caller's. */
export type FdLike = number | Fd;

/** The numbers of descriptors to be sent. */
export function numbers(fds: readonly FdLike[] | undefined): readonly number[] | null {
  if (fds === undefined) return null;
  if (!Array.isArray(fds)) throw misuse('fds must be an array of descriptors');
  return fds.length === 0 ? null : fds.map(number);
}

/** Where sockets are pipes, which have no descriptors, nothing is given or taken. */
export function refuseWithout(): void {
  if (process.platform === 'win32') throw unsupported('Windows has no descriptors that could be given to another process');
}

/** The number of one, which must be open as far as can be told without a system call. */
export function number(fd: FdLike): number {
  refuseWithout();
  const found: unknown = fd instanceof Fd ? fd.number : fd;
  if (typeof found !== 'number' || !Number.isInteger(found)) throw misuse('a descriptor must be a whole number or an Fd');
  if (found < 0 || found > 0x7fffffff) throw misuse(`no descriptor has the number ${found}`, RangeError);
  return found;
}

/** Takes a descriptor over from the caller: what was an `Fd` owns it no more. */
export function takeOver<T>(fd: FdLike, adopt: (found: number) => T): T {
  const adopted = adopt(number(fd));
  if (fd instanceof Fd) fd.take();
  return adopted;
}

/** Duplicates of what is to be sent later, by when the caller may have closed it. */
export function duplicates(fds: readonly number[] | null): Fd[] | null {
  return fds === null ? null : fds.map((fd) => Fd.duplicate(fd));
}
