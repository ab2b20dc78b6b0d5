// Runs the page's timers. In a hidden tab a browser may run a page's own timers only once a minute, which is too late
// for a heartbeat; a worker's run on time.

/** @type {Map<number, number>} Timers by the number the page gave them. */
const timers = new Map();

addEventListener("message", ({ data }) => {
  const { id, delayMs } = data;
  if (delayMs === null) {
    clearTimeout(timers.get(id));
    timers.delete(id);
    return;
  }
  const timer = setTimeout(() => {
    timers.delete(id);
    postMessage(id);
  }, delayMs);
  timers.set(id, timer);
});
