/* tick.js - a worker that says "one second has gone". The page's own timers come once a minute when it
 * has been hidden for a while; a worker's do not. */
setInterval(() => postMessage(0), 1000);
