// Uploader: a picture from a person's disk, chosen, dropped on the panel, or pasted into it.

const PIECE = 2 ** 21; // bytes in a message: servers of notebooks close the line at ten million
const AWAITED = "…or drop it here, or paste it";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function render({ model, el }) {
  const life = lifetime(model);
  const root = makeRoot(el, life, { name: "uploader", label: "A picture from your disk" });
  const input = h("input", { type: "file", accept: "image/*", hidden: "", tabindex: "-1" });
  const choose = button("Upload", "Upload a picture from your disk", () => input.click());
  const status = statusLine(life);
  root.append(choose, input, ...status.nodes);
  let sending = null; // { id, file, at }

  // -- out, piece by piece: the next one goes when the last has arrived

  const sendPiece = async (at) => {
    const { id, file } = sending;
    sending.at = at;
    status.say(`${file.name}: ${percent(at / Math.max(1, file.size))} sent`);
    const bytes = await file.slice(at, at + PIECE).arrayBuffer();
    if (sending?.id !== id) return; // another one was chosen meanwhile
    const { name, size } = file;
    model.send({ id, name, at, size }, undefined, [new DataView(bytes)]);
  };
  const take = (files) => {
    const file = [...files].find(({ type }) => type.startsWith("image/"));
    if (!file) return status.say(`${files[0].name} is no picture.`);
    const most = model.get("most");
    if (file.size > most) {
      return status.say(
        `${file.name} has ${megabytes(file.size)}, and ${megabytes(most)} are taken at most: ` +
          "save it smaller, or open it in Python and give it to the panel.",
      );
    }
    sending = { id: Math.random().toString(36).slice(2), file, at: 0 };
    return sendPiece(0);
  };
  const onArrived = () => {
    const { id, bytes } = model.get("arrived");
    if (sending?.id !== id) return undefined; // another page's
    if (bytes < sending.file.size) return bytes > sending.at ? sendPiece(bytes) : undefined;
    status.say(`${sending.file.name} is there.`);
    sending = null;
    return undefined;
  };

  // -- in

  const panel = () => root.closest(".textseg-panel") ?? root;
  const isHere = ({ target }) => panel().contains(target);
  const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  const drag = (event) => {
    const here = isHere(event) && hasFiles(event);
    panel().classList.toggle("ts-dropping", here);
    if (!here) return;
    event.preventDefault(); // or the browser would open the file
    event.stopPropagation();
  };
  const drop = (event) => {
    drag(event);
    panel().classList.remove("ts-dropping");
    if (isHere(event) && hasFiles(event)) take(event.dataTransfer.files);
  };
  const leave = (event) => event.relatedTarget ?? panel().classList.remove("ts-dropping");
  const paste = (event) => {
    const { files } = event.clipboardData;
    if (!files.length || !isHere(event)) return; // words go into the field
    event.preventDefault();
    event.stopPropagation();
    take(files);
  };
  const heard = { dragenter: drag, dragover: drag, dragleave: leave, drop, paste };
  for (const [name, act] of Object.entries(heard)) {
    document.addEventListener(name, act, true); // a notebook has its own ideas about files
    life.later(() => document.removeEventListener(name, act, true));
  }
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
  life.watch(["arrived"], onArrived);
  life.later(() => panel().classList.remove("ts-dropping"));
  life.later(() => (sending = null));
  status.say(AWAITED);
  root.dataset.state = "ready";
  return life.end;
}

export default { render };
