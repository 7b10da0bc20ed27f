/* The stick figure in space: drawn on a canvas, turned by dragging. */
(() => {
  const MISSING = -32768;

  const decode = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Int16Array(bytes.buffer);
  };

  const turntable = (holder) => {
    const person = marey.people[Number(holder.dataset.person)];
    const figure = person && person.figure;
    if (!figure || person.time_s.length === 0) return;
    const positions = decode(figure.positions_mm);
    const canvas = holder.querySelector("canvas");
    const context = canvas.getContext("2d");
    const perFrame = figure.landmarks * 3;
    let yaw = -35;
    let pitch = 12;
    let frame = 0;

    /* The room that the whole movement needs: the figure must not change its size. */
    let reach = 1;
    let low = Infinity;
    let high = -Infinity;
    for (let at = 0; at < positions.length; at += 3) {
      if (positions[at] === MISSING) continue;
      reach = Math.max(reach, Math.hypot(positions[at], positions[at + 2]));
      low = Math.min(low, positions[at + 1]);
      high = Math.max(high, positions[at + 1]);
    }
    if (low > high) return;
    const middle = (low + high) / 2;
    const radius = Math.max(reach, (high - low) / 2) * 1.12;

    const turned = (x, y, z) => {
      const a = (yaw * Math.PI) / 180;
      const b = (pitch * Math.PI) / 180;
      const across = x * Math.cos(a) + z * Math.sin(a);
      const away = z * Math.cos(a) - x * Math.sin(a);
      return [across, y * Math.cos(b) + away * Math.sin(b), away * Math.cos(b) - y * Math.sin(b)];
    };

    const draw = () => {
      const style = getComputedStyle(holder);
      const color = (name) => style.getPropertyValue(name).trim();
      const ratio = window.devicePixelRatio || 1;
      const width = Math.round(canvas.clientWidth * ratio);
      const height = Math.round(canvas.clientHeight * ratio);
      if (width === 0 || height === 0) return;
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
      }
      const scale = Math.min(width, height) / 2 / radius;
      const place = ([x, y]) => [width / 2 + x * scale, height / 2 + y * scale];
      context.clearRect(0, 0, width, height);
      context.lineCap = "round";

      /* The floor: half-metre squares under the lowest point. */
      context.strokeStyle = color("--line");
      context.lineWidth = ratio;
      context.beginPath();
      for (let step = -1000; step <= 1000; step += 500) {
        for (const [from, to] of [[[step, -1000], [step, 1000]], [[-1000, step], [1000, step]]]) {
          const begin = place(turned(from[0], high - middle, from[1]));
          const end = place(turned(to[0], high - middle, to[1]));
          context.moveTo(begin[0], begin[1]);
          context.lineTo(end[0], end[1]);
        }
      }
      context.stroke();

      const point = (landmark) => {
        const at = frame * perFrame + landmark * 3;
        if (positions[at] === MISSING) return null;
        return turned(positions[at], positions[at + 1] - middle, positions[at + 2]);
      };
      const colors = { left: color("--left"), right: color("--right"), middle: color("--soft") };
      const bones = [];
      for (const [from, to, side] of figure.bones) {
        const ends = [point(from), point(to)];
        if (ends[0] && ends[1]) bones.push({ ends, side, away: ends[0][2] + ends[1][2] });
      }
      bones.sort((a, b) => b.away - a.away);
      for (const { ends, side } of bones) {
        const [begin, end] = ends.map(place);
        for (const [line, thick] of [[color("--card"), 7], [colors[side], 4]]) {
          context.strokeStyle = line;
          context.lineWidth = thick * ratio;
          context.beginPath();
          context.moveTo(begin[0], begin[1]);
          context.lineTo(end[0], end[1]);
          context.stroke();
        }
      }
      const nose = point(figure.nose);
      if (nose) {
        const [x, y] = place(nose);
        context.fillStyle = colors.middle;
        context.beginPath();
        context.arc(x, y, 7 * ratio, 0, 2 * Math.PI);
        context.fill();
      }
      if (bones.length === 0) {
        context.fillStyle = color("--soft");
        context.font = `${13 * ratio}px system-ui, sans-serif`;
        context.textAlign = "center";
        context.fillText("nobody was found at this moment", width / 2, height / 2);
      }
    };

    const turn = (byYaw, byPitch) => {
      yaw = (yaw + byYaw) % 360;
      pitch = Math.min(90, Math.max(-90, pitch + byPitch));
      draw();
    };

    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
      canvas.focus({ preventScroll: true });
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) turn(-event.movementX * 0.6, event.movementY * 0.4);
    });
    const keys = { ArrowLeft: [10, 0], ArrowRight: [-10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key]) return;
      event.preventDefault();
      turn(...keys[event.key]);
    });
    for (const button of holder.querySelectorAll("button")) {
      button.addEventListener("click", () => {
        yaw = Number(button.dataset.yaw);
        pitch = Number(button.dataset.pitch);
        draw();
      });
    }
    marey.onMoment((moment) => {
      const next = marey.nearest(person.time_s, moment);
      if (next === frame) return;
      frame = next;
      draw();
    });
    holder.hidden = false;
    new ResizeObserver(draw).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
  };

  for (const holder of document.querySelectorAll(".turntable")) turntable(holder);
  if (marey.now() === null && marey.people.length > 0 && marey.people[0].time_s.length > 0) {
    marey.show(marey.people[0].time_s[0]);
  }
})();
