// CompareView: two pictures, one over the other, and a line between them to be moved.

const LINE = [0xe6, 0x9f, 0x00];

function render({ model, el }) {
  const life = lifetime(model);
  const root = makeRoot(el, life, { name: "compare", label: "Before and after" });
  const before = h("img", { class: "ts-picture", draggable: "false" });
  const after = h("img", { class: "ts-over", draggable: "false" });
  const line = h("canvas", { class: "ts-over", "aria-hidden": "true" });
  const bar = h("div", { class: "ts-divider", "aria-hidden": "true" });
  const tags = ["Before", "After"].map((word) =>
    h("span", { class: `ts-tag ts-tag-${word.toLowerCase()}`, "aria-hidden": "true" }, word),
  );
  const box = h("div", { class: "ts-pair" }, before, after, line, bar, ...tags);
  const range = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    class: "ts-wide",
    "aria-label": "Before/after position",
  });
  const outlined = toggle(model, life, { name: "outline", label: "Outline of the mask" });
  const beside = toggle(model, life, { name: "beside", label: "Side by side" });
  const status = statusLine(life);
  const nodes = [box, range, h("div", { class: "ts-bar" }, beside, outlined)];
  root.append(...nodes, ...status.nodes);
  tellWhenGone(model, life, root);
  let loads = 0;

  const summary = () => {
    if (root.dataset.state === "empty") return "No pictures to compare yet.";
    if (root.dataset.state === "failed") return "These pictures cannot be shown.";
    return `Two pictures of ${model.get("width")} by ${model.get("height")} pixels.`;
  };
  const change = () => model.get("change") && `: ${model.get("change")}`;
  const describe = () => {
    before.alt = `The picture before the change${change()}`;
    after.alt = `The picture after the change${change()}`;
    status.say(summary());
  };
  const showPosition = () => {
    range.value = model.get("position");
    box.style.setProperty("--ts-position", `${model.get("position")}%`);
  };
  const showOutline = () => {
    outlined.hidden = empty(model.get("mask")) || model.get("beside");
    line.hidden = outlined.hidden || !model.get("outline");
  };
  const showBeside = () => {
    box.classList.toggle("ts-beside", model.get("beside"));
    bar.hidden = model.get("beside");
    range.hidden = bar.hidden || root.dataset.state !== "ready";
    showOutline();
  };
  const drawOutline = async (turn) => {
    const drawn = drawnSize({ width: before.naturalWidth, height: before.naturalHeight });
    const mask = maskOf(await decode(model.get("mask")), drawn);
    if (turn !== loads) return;
    Object.assign(line, drawn);
    const context = line.getContext("2d");
    const frame = context.createImageData(drawn.width, drawn.height);
    outline(frame.data, mask, { colour: LINE, cut: HALF, amount: 256 });
    context.putImageData(frame, 0, 0);
  };

  const urls = new Map();
  const release = (image) => URL.revokeObjectURL(urls.get(image));
  const fill = async (image, bytes) => {
    release(image);
    urls.set(image, URL.createObjectURL(new Blob([bytes])));
    image.src = urls.get(image);
    await image.decode();
  };
  const show = (state) => {
    root.dataset.state = state;
    for (const node of nodes) node.hidden = state !== "ready";
    showBeside();
    describe();
  };
  const load = perFrame(life, async () => {
    const turn = ++loads; // later pictures overtake earlier ones
    const pair = [model.get("before"), model.get("after")];
    if (pair.some(empty)) return show("empty");
    root.dataset.state = "loading";
    try {
      await Promise.all([fill(before, pair[0]), fill(after, pair[1])]);
      const drawn = drawnSize({ width: before.naturalWidth, height: before.naturalHeight });
      if (!empty(model.get("mask"))) await drawOutline(turn);
      if (turn !== loads) return undefined;
      root.style.setProperty("--ts-width", `${Math.max(drawn.width, model.get("width"))}px`);
      root.style.setProperty("--ts-aspect", drawn.width / drawn.height);
      box.classList.toggle("ts-enlarged", drawn.width > before.naturalWidth);
      return show("ready");
    } catch {
      return turn === loads ? show("failed") : undefined;
    }
  });

  const move = ({ clientX }) => {
    const { left, width } = box.getBoundingClientRect();
    put(model, "position", within(Math.round((100 * (clientX - left)) / width), 0, 100));
  };
  range.addEventListener("input", () => put(model, "position", Number(range.value)));
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || model.get("beside")) return;
    event.preventDefault();
    box.setPointerCapture(event.pointerId);
    range.focus({ preventScroll: true }); // arrows go on from here
    move(event);
  });
  box.addEventListener("pointermove", (event) => {
    if (box.hasPointerCapture(event.pointerId)) move(event);
  });

  life.watch(["before", "after", "mask", "height", "width"], load);
  life.watch(["position"], showPosition);
  life.watch(["outline"], showOutline);
  life.watch(["beside"], showBeside);
  life.watch(["change"], describe);
  life.later(() => loads++);
  life.later(() => [...urls.keys()].forEach(release));
  showPosition();
  load();
  return life.end;
}

export default { render };
