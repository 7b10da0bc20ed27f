(() => {
  "use strict";
  const video = document.querySelector("video[data-starts-at]");
  const plots = [...document.querySelectorAll("svg.marey-plot[data-start]")];
  const holder = document.getElementById("marey-values");
  const people = holder ? JSON.parse(holder.textContent) : [];
  const startsAt = video ? Number(video.dataset.startsAt) : 0;
  let shown = null;

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

  const degrees = (value) => (value < 0 ? "\u2212" : "") + Math.abs(Math.round(value)) + "\u00b0";

  const readout = (plot, moment) => {
    const person = people[Number(plot.dataset.person)];
    if (!person || person.time_s.length === 0) return "";
    const index = nearest(person.time_s, moment);
    const values = plot.dataset.series.split(" ").map((name) => {
      const value = (person.series[name] || [])[index];
      const side = name.startsWith("left_") ? "L " : name.startsWith("right_") ? "R " : "";
      return side + (value === null || value === undefined ? "\u2013" : degrees(value));
    });
    return moment.toFixed(2) + " s\u00a0\u00a0" + values.join("\u00a0\u00a0");
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
      if (!video || (video.paused && event.buttons === 0 && event.pointerType === "mouse")) show(momentAt(plot, event));
    });
    plot.addEventListener("click", (event) => {
      const moment = momentAt(plot, event);
      if (video) video.currentTime = Math.max(0, moment - startsAt);
      show(moment);
    });
    plot.addEventListener("pointerleave", () => {
      if (video) show(video.currentTime + startsAt);
    });
  }

  if (video) {
    document.documentElement.classList.add("in-step");
    const follow = () => {
      show(video.currentTime + startsAt);
      if (!video.paused && !video.ended) requestAnimationFrame(follow);
    };
    for (const name of ["play", "seeked", "timeupdate", "loadedmetadata"]) video.addEventListener(name, follow);
  }
})();
