for (const hits of document.querySelectorAll(".hits")) {
  const said = hits.closest("figure").querySelector("output");
  for (const hit of hits.children) {
    const title = hit.querySelector("title");
    const text = title.textContent;
    title.remove();
    hit.addEventListener("pointerenter", () => { said.textContent = text; });
    hit.addEventListener("pointerleave", () => { said.textContent = ""; });
  }
}
