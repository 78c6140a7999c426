"use strict";
document.documentElement.classList.add("js");

// The confusion matrix: a number opens its images in place. Without this script its link leads
// to them.
for (const confusion of document.querySelectorAll("[data-confusion]")) {
  const links = [...confusion.querySelectorAll("td a")];
  const announce = confusion.querySelector(".announce");

  const open = (link) => {
    const cell = document.getElementById(link.hash.slice(1));
    for (const other of confusion.querySelectorAll(".cell.open")) other.classList.remove("open");
    for (const other of links) other.removeAttribute("aria-current");
    cell.classList.add("open");
    link.setAttribute("aria-current", "true");
    announce.textContent = "Pictures: " + cell.getAttribute("aria-label");
    return cell;
  };

  for (const link of links) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const cell = open(link);
      // On a narrow page the pictures are below the matrix.
      if (cell.getBoundingClientRect().top > window.innerHeight - 80) {
        cell.scrollIntoView({ block: "nearest" });
      }
    });
    link.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
      if (!(event.key in step)) return;
      const [down, right] = step[event.key];
      const rows = link.closest("tbody").rows;
      let row = link.closest("tr").sectionRowIndex + down;
      let column = link.closest("td").cellIndex + right;
      for (; rows[row] && rows[row].cells[column]; row += down, column += right) {
        const next = rows[row].cells[column].querySelector("a");
        if (next) {
          next.focus();
          event.preventDefault();
          return;
        }
      }
    });
  }

  const named = links.find((link) => link.hash === location.hash);
  if (named) open(named);
  else if (links.length) {
    const first = confusion.querySelector(".cell.open");
    const link = links.find((each) => each.hash === "#" + first.id);
    if (link) link.setAttribute("aria-current", "true");
  }
}

// The network: a volume under the pointer, or with the focus, is described below the drawing.
for (const network of document.querySelectorAll("[data-network]")) {
  const panel = network.querySelector(".panel");
  const buttons = [...network.querySelectorAll("button")];

  const show = (button) => {
    const facts = document.getElementById(button.getAttribute("aria-describedby"));
    const copy = facts.cloneNode(true);
    copy.removeAttribute("id");
    panel.replaceChildren(copy);
    for (const other of buttons) other.classList.toggle("on", other === button);
  };

  for (const button of buttons) {
    for (const kind of ["mouseenter", "focus", "click"]) {
      button.addEventListener(kind, () => show(button));
    }
  }
  if (buttons.length > 1) show(buttons[1]);
}
