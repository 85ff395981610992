/** One at a time among all tabs of this browser. */

/** Wait for the lock *name*, then run *work*. */
export function exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
  return navigator.locks.request(name, work) as Promise<T>
}

/** Run *work* where nobody holds the lock *name*; undefined where somebody does. */
export function ifFree<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
  return navigator.locks.request(name, { ifAvailable: true }, (lock) =>
    lock ? work() : Promise.resolve(undefined),
  ) as Promise<T | undefined>
}
