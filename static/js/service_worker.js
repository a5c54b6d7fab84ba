/** Shows messages while no page is open, and opens the alert when one is touched. It stores nothing. */

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const message = event.data?.json() ?? { title: "Alerts", body: "Something is new. Open the page.", url: "/alerts/" };
  const options = {
    body: message.body,
    tag: message.tag || undefined,
    renotify: Boolean(message.tag) && !message.silent,
    silent: message.silent,
    data: { url: message.url },
  };
  event.waitUntil(self.registration.showNotification(message.title, options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(new URL(event.notification.data.url, self.location.origin).href));
});

/** In a window that shows it already, else in a new one. */
async function open(url) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const found = windows.find((one) => one.url === url);
  return found ? found.focus() : self.clients.openWindow(url);
}
