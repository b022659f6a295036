// Downloader: what a panel shows, as a file among the browser's downloads.

function render({ model, el }) {
  const life = lifetime(model);
  const root = makeRoot(el, life, { name: "downloader", label: "A file for you" });
  const own = Math.random().toString(36).slice(2); // two pages may show one panel
  let asked = 0;
  const ask = () => put(model, "asked", `${own} ${++asked}`);
  const save = () => {
    const content = model.get("content");
    if (model.get("answer") !== `${own} ${asked}` || empty(content)) return;
    const url = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
    const link = h("a", { href: url, download: model.get("name") });
    link.click();
    const release = setTimeout(() => URL.revokeObjectURL(url), 0); // the click has been handled
    life.later(() => clearTimeout(release));
    put(model, "asked", ""); // so that nobody keeps the content
  };
  root.append(button("Download", `Download ${model.get("about")}`, ask));
  life.watch(["answer"], save);
  root.dataset.state = "ready";
  return life.end;
}

export default { render };
