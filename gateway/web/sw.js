/* sw.js - lets the page open without the network, so that it can at least say so and show the reserve
 * number. Network first, always: a copy is used only when the gateway does not answer in time.
 *
 * Touches nothing but the files listed here: never a log-in, a ticket, a websocket or another page. */

const CACHE = 'samlarm-shell-1';
const SHELL = [
    '/', '/app.js', '/connection.js', '/device.js', '/dom.js', '/handheld.css', '/hold.js',
    '/icon.svg', '/keep.js', '/look.css', '/manifest.json', '/outbox.js', '/render.js', '/session.js',
    '/sound.js', '/state.js', '/text.js', '/tick.js',
];
const ANSWER_MS = 3000;

self.addEventListener('install', (event) => {
    event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL))
        .then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
    const dropOthers = async () => {
        const names = await caches.keys();
        await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
        await self.clients.claim();
    };
    event.waitUntil(dropOthers());
});

async function fresh(request) {
    const answer = await fetch(request, { signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) {
        throw new Error(`status ${answer.status}`);
    }
    const cache = await caches.open(CACHE);
    await cache.put(new URL(request.url).pathname, answer.clone());
    return answer;
}

self.addEventListener('fetch', (event) => {
    const url = new URL(event.request.url);
    const isShell = url.origin === self.location.origin && SHELL.includes(url.pathname);
    if (event.request.method === 'GET' && isShell) {
        event.respondWith(fresh(event.request).catch(async (error) => {
            const cache = await caches.open(CACHE);
            const copy = await cache.match(url.pathname);
            if (!copy) {
                throw error;
            }
            return copy;
        }));
    }
});
