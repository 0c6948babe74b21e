// Puts newer sections of the page in the place of older ones. All of it is made by the broker.
"use strict";
(() => {
  const every = 2000, slowest = 30000;
  const path = document.getElementById("live").dataset.live;
  const stale = document.getElementById("stale");
  let pause = every, seen = Date.now(), timer = 0, busy = false;

  async function renew() {
    if (busy) return;
    busy = true;
    timer = 0;
    try {
      const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(`it answers with ${answer.status}`);
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const section of made.querySelectorAll("section[id]")) {
        const old = document.getElementById(section.id);
        if (old && old.innerHTML !== section.innerHTML) old.replaceWith(section);
      }
      seen = Date.now();
      pause = every;
      stale.hidden = true;
    } catch (error) {
      const seconds = Math.round((Date.now() - seen) / 1000);
      stale.textContent = `No news from the broker for ${seconds} s (${error.message}). What is below is old.`;
      stale.hidden = false;
      pause = Math.min(2 * pause, slowest);
    }
    busy = false;
    later();
  }

  function later() {
    if (!timer && !busy && !document.hidden) timer = setTimeout(renew, pause);
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    timer = 0;
    if (!document.hidden) renew();
  });
  later();
})();
