/* The shell's behaviour: menus, filter bars, ticks and bulk actions, confirm dialog, messages, counts, session expiry.
   No framework, no inline handlers; everything is bound by delegation, so that pieces swapped in by htmx work too. */
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const body = document.body;

  /* ---------- CSRF: always the cookie's present value, for it changes when somebody logs in again ---------- */
  const csrfToken = () => {
    const found = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
    return found ? decodeURIComponent(found.slice(10)) : ($('input[name="csrfmiddlewaretoken"]')?.value ?? "");
  };
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = csrfToken();
  });
  const refreshTokens = () => {
    const token = csrfToken();
    $$('input[name="csrfmiddlewaretoken"]').forEach((input) => { input.value = token; });
  };

  /* ---------- messages ---------- */
  const say = (text, level = "info") => {
    const notice = $("#toast-template").content.firstElementChild.cloneNode(true);
    notice.classList.add(`notice-${level}`);
    if (level === "danger") notice.setAttribute("role", "alert");
    $("span", notice).textContent = text;
    $("#toasts").append(notice);
    fade(notice);
  };
  const fade = (notice) => {
    if (notice.matches(".notice-success, .notice-info")) setTimeout(() => notice.remove(), 8000);
  };
  $$("#toasts .notice").forEach(fade);
  window.house = { say, csrfToken, refreshTokens };

  /* ---------- menus ---------- */
  const closeMenus = (except) => $$("details.menu[open]").forEach((menu) => { if (menu !== except) menu.open = false; });
  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    if (event.target.closest("[data-dismiss]")) event.target.closest(".notice").remove();
    const greyed = event.target.closest('[aria-disabled="true"]');
    if (greyed) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = $("details.menu[open]");
    if (open) { open.open = false; $("summary", open).focus(); }
  });

  const tooltips = (root) => {
    if (!window.tabler?.Tooltip && !window.bootstrap?.Tooltip) return;
    const Tooltip = window.tabler?.Tooltip ?? window.bootstrap.Tooltip;
    $$('[data-bs-toggle="tooltip"]', root).forEach((node) => Tooltip.getOrCreateInstance(node));
  };

  /* ---------- confirm dialog: says what will happen, asks a reason where one is due ---------- */
  const confirmDialog = $("#confirm-dialog");
  const ask = (source) => new Promise((resolve) => {
    const wantsComment = source.hasAttribute("data-confirm-comment");
    const danger = source.querySelector(".btn-danger") || source.matches(".btn-danger");
    $("#confirm-title").textContent = source.dataset.confirmTitle || "请确认";
    $("#confirm-text").replaceChildren(...source.dataset.confirm.split("\n").map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line.replace("{n}", source.dataset.rows || "0");
      return paragraph;
    }));
    $("#confirm-comment-box").hidden = !wantsComment;
    $("#confirm-comment-error").hidden = true;
    $("#confirm-comment").value = "";
    const ok = $("#confirm-ok");
    ok.textContent = source.dataset.confirmTitle || "确定";
    ok.className = `btn ${danger ? "btn-danger" : "btn-primary"}`;
    const done = (value) => {
      confirmDialog.removeEventListener("close", closed);
      ok.removeEventListener("click", clicked);
      resolve(value);
    };
    const clicked = (event) => {
      if (wantsComment && !$("#confirm-comment").value.trim()) {
        event.preventDefault();
        $("#confirm-comment-error").hidden = false;
        $("#confirm-comment").focus();
      }
    };
    const closed = () => done(confirmDialog.returnValue === "ok" ? { comment: $("#confirm-comment").value.trim() } : null);
    confirmDialog.returnValue = "";
    ok.addEventListener("click", clicked);
    confirmDialog.addEventListener("close", closed);
    confirmDialog.showModal();
    (wantsComment ? $("#confirm-comment") : $('[value="cancel"]', confirmDialog)).focus();
  });
  const setHidden = (form, name, value) => {
    let input = $(`input[type="hidden"][name="${name}"]`, form);
    if (!input) {
      input = Object.assign(document.createElement("input"), { type: "hidden", name });
      form.append(input);
    }
    input.value = value;
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const source = event.submitter?.dataset.confirm ? event.submitter : form;
    if (!source.dataset?.confirm || form.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter;
    const answer = await ask(source);
    if (!answer) return;
    if (source.hasAttribute("data-confirm-comment")) setHidden(form, "comment", answer.comment);
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }, true);

  /* A second click on a slow POST must not send it twice. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sending) { event.preventDefault(); return; }
    if (!form.hasAttribute("data-download")) {
      form.dataset.sending = "yes";
      window.addEventListener("pageshow", () => delete form.dataset.sending, { once: true });
      setTimeout(() => delete form.dataset.sending, 15000);
    }
  });

  /* ---------- lists: ticks and the bulk bar ---------- */
  const countTicks = (list) => {
    const bar = $("[data-bulk]", list);
    if (!bar) return;
    const boxes = $$('input[name="ids"]', list);
    const ticked = boxes.filter((box) => box.checked);
    const all = $("[data-tick-all]", list);
    if (all) {
      all.checked = boxes.length > 0 && ticked.length === boxes.length;
      all.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    }
    bar.hidden = ticked.length === 0;
    $("[data-bulk-count]", bar).textContent = ticked.length;
    $$("button[data-confirm]", bar).forEach((button) => { button.dataset.rows = ticked.length; });
  };
  document.addEventListener("change", (event) => {
    const list = event.target.closest("[data-list]");
    if (!list) return;
    if (event.target.matches("[data-tick-all]")) {
      $$('input[name="ids"]', list).forEach((box) => { box.checked = event.target.checked; });
    }
    if (event.target.matches('[data-tick-all], input[name="ids"]')) countTicks(list);
  });

  /* Filters: a choice acts at once, typing after a pause. Leaving a text box must not act: the click that left it does. */
  let typing = 0;
  const typed = (node) => node.matches("input:not([type=checkbox]):not([type=radio]):not([type=date])");
  const filter = (form, pause) => {
    clearTimeout(typing);
    typing = setTimeout(() => form.dispatchEvent(new CustomEvent("filter")), pause);
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-filters]");
    if (form && typed(event.target)) filter(form, 400);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-filters]");
    if (form && !typed(event.target)) filter(form, 0);
  });
  document.addEventListener("htmx:beforeRequest", () => clearTimeout(typing));

  /* Empty filters do not go into the address. */
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches?.("form[data-filters]")) return;
    for (const [name, value] of [...event.detail.formData.entries()]) {
      if (value === "") event.detail.formData.delete(name);
    }
  });
  /* A page number makes no sense under another filter. */
  document.addEventListener("click", (event) => {
    const reset = event.target.closest("[data-filter-reset]");
    if (reset) window.location.assign(window.location.pathname);
  });

  /* ---------- uploads: size at once, drop a file ---------- */
  const checkUpload = (box) => {
    const input = $('input[type="file"]', box);
    const error = $(".field-error", box);
    const limit = Number(box.dataset.limit);
    const large = [...input.files].filter((file) => limit && file.size > limit);
    error.hidden = large.length === 0;
    error.textContent = large.map((file) => `“${file.name}”有 ${(file.size / 1048576).toFixed(1)} MB，超过 ${(limit / 1048576).toFixed(0)} MB 的上限，请拆分后再传。`).join(" ");
    input.setCustomValidity(large.length ? "文件过大" : "");
    $("[data-upload-names]", box).textContent = [...input.files].map((file) => file.name).join("、") || "未选择文件";
  };
  document.addEventListener("change", (event) => {
    const box = event.target.closest("[data-upload]");
    if (box && event.target.type === "file") checkUpload(box);
  });
  ["dragover", "dragleave", "drop"].forEach((kind) => document.addEventListener(kind, (event) => {
    const box = event.target.closest?.("[data-upload]");
    if (!box) return;
    event.preventDefault();
    box.classList.toggle("over", kind === "dragover");
    if (kind === "drop") {
      $('input[type="file"]', box).files = event.dataTransfer.files;
      checkUpload(box);
    }
  }));

  /* ---------- keyboard in 表格式 forms: Enter and ↑↓ go to the cell below or above ---------- */
  document.addEventListener("keydown", (event) => {
    const input = event.target;
    if (!input.matches?.(".form-table input:not([type=checkbox]):not([type=radio])")) return;
    const step = { ArrowDown: 1, ArrowUp: -1, Enter: event.shiftKey ? -1 : 1 }[event.key];
    if (!step) return;
    const cell = input.closest("td");
    const rows = $$("tr", cell.closest("table"));
    let at = rows.indexOf(cell.parentElement) + step;
    const left = Math.round(cell.getBoundingClientRect().left);
    for (; rows[at]; at += step) {
      const next = $$("input, textarea, select", rows[at]).find((one) => Math.abs(one.closest("td").getBoundingClientRect().left - left) < 4);
      if (next) { event.preventDefault(); next.focus(); next.select?.(); return; }
    }
    if (event.key === "Enter") event.preventDefault();
  });

  /* ---------- counts in the navigation: asked after the page stands, never part of its time ---------- */
  const showCounts = (counts) => $$("[data-count]").forEach((node) => {
    const found = counts[node.dataset.count];
    const number = typeof found === "object" && found ? found.count : found;
    node.hidden = !number;
    node.textContent = number > 9999 ? "9999+" : (number ?? "");
    node.classList.toggle("urgent", Boolean(found?.urgent));
    if (found?.title) node.title = found.title;
  });
  if (body.dataset.counts) {
    fetch(body.dataset.counts, { headers: { Accept: "application/json", "X-Background": "1" }, credentials: "same-origin" })
      .then((response) => (response.ok && !response.redirected ? response.json() : {})).then(showCounts).catch(() => {});
  }

  /* ---------- the work year last used, for pages whose address has none ---------- */
  if (/^\/\d{4}\//.test(location.pathname)) {
    document.cookie = `work_year=${location.pathname.slice(1, 5)}; path=/; SameSite=Lax; max-age=31536000`;
  }

  /* ---------- session expiry: the password is asked over the page ---------- */
  const sessionDialog = $("#session-dialog");
  const KEY = "last-request";
  const touch = () => { try { localStorage.setItem(KEY, String(Date.now())); } catch { /* private window */ } };
  const idleSince = () => { try { return Number(localStorage.getItem(KEY)) || Date.now(); } catch { return Date.now(); } };
  const seconds = Number(body.dataset.sessionSeconds);
  const askPassword = () => {
    if (sessionDialog && !sessionDialog.open) {
      sessionDialog.showModal();
      $("#session-password").focus();
    }
  };
  window.house.askPassword = askPassword;
  if (sessionDialog && seconds) {
    touch();
    setInterval(() => { if (Date.now() - idleSince() > seconds * 1000) askPassword(); }, 5000);
    sessionDialog.addEventListener("cancel", (event) => event.preventDefault());
    $("form", sessionDialog).addEventListener("submit", async (event) => {
      event.preventDefault();
      const error = $("#session-error");
      error.hidden = true;
      const data = new URLSearchParams({ username: $("#session-username").value, password: $("#session-password").value });
      try {
        const response = await fetch(body.dataset.loginAgain, {
          method: "POST", body: data, credentials: "same-origin",
          headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" },
        });
        if (response.status === 204) {
          $("#session-password").value = "";
          refreshTokens();
          touch();
          sessionDialog.close();
          say("已重新登录，可继续办理。", "success");
          return;
        }
        const answer = await response.json().catch(() => ({}));
        error.textContent = answer.message || "密码不正确，请重新输入。";
      } catch {
        error.textContent = "暂时连不上服务器，请稍后再试。";
      }
      error.hidden = false;
      $("#session-password").select();
    });
  }
  document.addEventListener("htmx:afterRequest", (event) => {
    const polling = event.detail.requestConfig?.triggeringEvent === undefined || event.target.closest?.(".job");
    if (event.detail.successful && !polling) touch();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status === 401 || /\/login\/(\?|$)/.test(xhr.responseURL || "")) {
      event.detail.shouldSwap = false;
      askPassword();
    }
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status === 401) return;
    say(status === 403 ? "没有权限办理这一操作，或页面已过期，请刷新后再试。" : `操作没有完成（${status}），请刷新页面后重试。`, "danger");
  });
  document.addEventListener("htmx:sendError", () => say("暂时连不上服务器，所填内容仍在页面上，请稍后再试。", "danger"));

  $$(".crumbs li").forEach((item) => { if (item.scrollWidth > item.clientWidth) item.title = item.textContent.trim(); });

  /* ---------- pieces swapped in ---------- */
  document.addEventListener("htmx:load", (event) => {
    tooltips(event.detail.elt);
    $$("[data-list]").forEach(countTicks);
  });
  tooltips(document);
  $$("[data-list]").forEach(countTicks);
  $("[data-error-summary]")?.focus();
})();
