"use strict";
/* The page's one clock: video, curves, figures and slider show the same moment. */
const marey = (() => {
  const video = document.querySelector("video[data-starts-at]");
  const plots = [...document.querySelectorAll("svg.marey-plot[data-start]")];
  const slider = document.querySelector(".scrub input");
  const holder = document.getElementById("marey-values");
  const people = holder ? JSON.parse(holder.textContent) : [];
  const startsAt = video ? Number(video.dataset.startsAt) : 0;
  const listeners = [];
  let shown = null;
  let wanted = null;

  const nearest = (times, moment) => {
    let low = 0;
    let high = times.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] > moment) high = middle;
      else low = middle;
    }
    return moment - times[low] <= times[high] - moment ? low : high;
  };

  const degrees = (value) => (Math.round(value) < 0 ? "\u2212" : "") + Math.abs(Math.round(value)) + "\u00b0";

  const readout = (plot, moment) => {
    const person = people[Number(plot.dataset.person)];
    if (!person || person.time_s.length === 0) return "";
    const index = nearest(person.time_s, moment);
    const names = plot.dataset.series.split(" ").filter(Boolean);
    const values = names.map((name) => {
      const value = (person.series[name] || [])[index];
      const side = name.startsWith("left_") ? "L " : name.startsWith("right_") ? "R " : "";
      return side + (value === null || value === undefined ? "\u2013" : degrees(value));
    });
    return [moment.toFixed(2) + " s", ...values].join("\u00a0\u00a0");
  };

  const show = (moment) => {
    if (moment === shown) return;
    shown = moment;
    for (const plot of plots) {
      const { start, end, left, right } = plot.dataset;
      const share = (moment - start) / (end - start);
      const cursor = plot.querySelector(".m-cursor");
      const visible = share >= 0 && share <= 1;
      cursor.setAttribute("visibility", visible ? "visible" : "hidden");
      plot.querySelector(".m-readout").textContent = visible ? readout(plot, moment) : "";
      if (!visible) continue;
      const x = Number(left) + share * (right - left);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
    }
    const isHeld = document.activeElement === slider && (!video || video.paused);
    if (slider && !isHeld) slider.value = moment;
    for (const listener of listeners) listener(moment);
  };

  /* Seeks wait for the one before: a video that is asked at every move of the pointer shows none. */
  const seek = (moment) => {
    show(moment);
    if (!video) return;
    wanted = Math.max(0, moment - startsAt);
    if (!video.seeking) video.currentTime = wanted;
  };

  const momentAt = (plot, event) => {
    const box = plot.getBoundingClientRect();
    const { start, end, left, right } = plot.dataset;
    const x = ((event.clientX - box.left) / box.width) * plot.viewBox.baseVal.width;
    const share = Math.min(1, Math.max(0, (x - left) / (right - left)));
    return Number(start) + share * (end - start);
  };

  for (const plot of plots) {
    plot.addEventListener("pointermove", (event) => {
      if (!video || video.paused) seek(momentAt(plot, event));
    });
    plot.addEventListener("click", (event) => seek(momentAt(plot, event)));
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-moment]");
    if (!link) return;
    event.preventDefault();
    seek(Number(link.dataset.moment));
    const stage = document.querySelector(".stage");
    if (stage) stage.scrollIntoView({ block: "nearest" });
  });

  if (slider) {
    slider.parentElement.hidden = false;
    slider.addEventListener("input", () => {
      if (video && !video.paused) video.pause();
      seek(Number(slider.value));
    });
  }

  document.documentElement.classList.add("in-step");
  if (video) {
    const follow = () => {
      if (!video.seeking && wanted === null) show(video.currentTime + startsAt);
      if (!video.paused && !video.ended) requestAnimationFrame(follow);
    };
    video.addEventListener("seeked", () => {
      if (wanted !== null && Math.abs(video.currentTime - wanted) > 0.001) {
        const next = wanted;
        wanted = null;
        video.currentTime = next;
        return;
      }
      wanted = null;
      follow();
    });
    for (const name of ["play", "timeupdate", "loadedmetadata"]) video.addEventListener(name, follow);
  }

  return { people, nearest, now: () => shown, onMoment: (listener) => listeners.push(listener), show };
})();
