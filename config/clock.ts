// The time. Whoever needs it is given a clock, so that tests can move it.

/** Tells the time, in milliseconds since the Unix epoch. */
export type Clock = () => number

/** The clock of the host. */
export const systemClock: Clock = () => Date.now()
