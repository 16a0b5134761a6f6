/* Text that its own box hides (a title on it or around it says the whole), and names squeezed to one character a line. */
() => {
  const found = [];
  const hides = (value) => value === "hidden" || value === "clip";
  const ignored = ".visually-hidden, .skip, option, script, template";
  for (const node of document.body.querySelectorAll("*")) {
    const own = [...node.childNodes].filter((one) => one.nodeType === Node.TEXT_NODE);
    const text = own.map((one) => one.data.trim()).join("");
    const style = getComputedStyle(node);
    if (!text || style.display === "inline" || node.closest(ignored)) continue;
    if (!node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    const css = typeof node.className === "string" ? `.${node.className.trim().replace(/\s+/g, ".")}` : "";
    const name = `${node.tagName.toLowerCase()}${css} “${text.slice(0, 40)}”`;
    const cut =
      (hides(style.overflowX) && node.scrollWidth > node.clientWidth + 1) ||
      (hides(style.overflowY) && node.scrollHeight > node.clientHeight + 3);
    if (cut && !node.closest("[title]")) found.push(`clipped: ${name}`);
    const size = parseFloat(style.fontSize);
    const width = node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const squeezed = text.length >= 3 && width > 0 && width < size * 1.9 && node.clientHeight > size * 4;
    if (squeezed) found.push(`one character a line: ${name}`);
  }
  return found;
}
