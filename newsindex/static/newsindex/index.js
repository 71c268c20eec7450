/* The page of the index in the admin: shows how far a run is, and the whole page anew when one has ended. */

(function () {
  "use strict";

  const PAUSE = 1500;
  const LONGEST_PAUSE = 30000;
  const page = document.querySelector("[data-progress-url]");
  if (!page) {
    return;
  }
  let pause = PAUSE;

  function write(place, text) {
    // A screen reader says what was written, so only what is new is.
    if (place.textContent !== text) {
      place.textContent = text;
    }
  }

  function show(runs) {
    const shown = Array.from(page.querySelectorAll("[data-run]"));
    // A bar is drawn for what runs, so the page is drawn anew as well when what waited has begun.
    const changed = shown.some((place) => {
      const run = runs[place.dataset.run];
      return !run || (run.running && !place.querySelector("progress"));
    });
    if (changed || Object.keys(runs).length !== shown.length) {
      window.location.reload();
      return false;
    }
    for (const place of shown) {
      const run = runs[place.dataset.run];
      write(place.querySelector("[data-state]"), run.state);
      write(place.querySelector("[data-advance]"), run.advance);
      const bar = place.querySelector("progress");
      if (run.total && bar) {
        bar.max = run.total;
        bar.value = run.progress;
      }
    }
    return true;
  }

  async function look() {
    let goOn = true;
    try {
      const answer = await fetch(page.dataset.progressUrl, { headers: { Accept: "application/json" } });
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      goOn = show((await answer.json()).runs);
      pause = PAUSE;
    } catch {
      // The site restarts, or somebody has signed out: ask less and less often.
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
    if (goOn) {
      window.setTimeout(look, pause);
    }
  }

  window.setTimeout(look, pause);
})();
