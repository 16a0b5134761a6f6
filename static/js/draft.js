/* Autosave. A form opts in by {% draft opened %}, which writes the data-draft-* attributes read here.

   Every keystroke goes into localStorage at once, and to the server after a pause; once the server has it, the local
   copy is removed. So a local copy found when a page opens holds what the server never got: it is put back into the
   form, unless the server kept something newer from elsewhere; then it is offered. The requests carry X-Background:
   autosave does not prolong the login. */
"use strict";
(() => {
  const PAUSE = 800;
  const RETRY = 10000;
  const KEEP = 30 * 24 * 3600 * 1000;
  const PREFIX = "draft:";
  const house = window.house;
  const clock = (moment) => new Date(moment).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });

  /* ---------- localStorage, which may be full or closed ---------- */
  const local = {
    put(key, entry) { try { localStorage.setItem(key, JSON.stringify(entry)); return true; } catch { return false; } },
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    drop(key) { try { localStorage.removeItem(key); } catch { /* closed: nothing was stored */ } },
    keys() { try { return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)); } catch { return []; } },
  };
  local.keys().forEach((key) => { if (!(Date.now() - local.get(key)?.at < KEEP)) local.drop(key); });

  /* ---------- what stands in a form, and putting it back ---------- */
  const LEFT_OUT = new Set(["hidden", "file", "password", "submit", "button", "reset", "image"]);
  const controls = (form) => [...form.elements].filter((one) => one.name && !LEFT_OUT.has(one.type) && one.tagName !== "FIELDSET" && one.tagName !== "BUTTON");
  const read = (form) => {
    const fields = {};
    for (const one of controls(form)) {
      if (one.type === "radio") {
        if (one.checked || !(one.name in fields)) fields[one.name] = one.checked ? one.value : "";
      } else if (one.type === "checkbox") {
        fields[one.name] ??= [];
        if (one.checked) fields[one.name].push(one.value);
      } else if (one.multiple) {
        fields[one.name] = [...one.selectedOptions].map((option) => option.value);
      } else if (one.name in fields) {
        fields[one.name] = [].concat(fields[one.name], one.value);
      } else {
        fields[one.name] = one.value;
      }
    }
    return fields;
  };
  const fill = (form, fields) => {
    const used = {};
    for (const one of controls(form)) {
      if (!Object.hasOwn(fields, one.name)) continue;
      const kept = [].concat(fields[one.name]);
      if (one.type === "radio" || one.type === "checkbox") one.checked = kept.includes(one.value);
      else if (one.multiple) [...one.options].forEach((option) => { option.selected = kept.includes(option.value); });
      else {
        one.value = kept[used[one.name] ?? 0] ?? "";
        used[one.name] = (used[one.name] ?? 0) + 1;
      }
    }
    form.dispatchEvent(new CustomEvent("draft:restored", { bubbles: true }));
  };

  /* ---------- one form ---------- */
  const watch = (form) => {
    const { draft: name, draftVersion: version, draftUser: user, draftUrl: url, draftPage: page } = form.dataset;
    const own = `${PREFIX}${user}:${name}:`;
    const key = own + version;
    let saved = form.dataset.draftSaved;
    let typed = 0;
    let sent = 0;
    let waiting = 0;
    let request = null;
    let closed = false; /* the server will not take this page's typing any more */
    let leaving = false;

    const status = form.querySelector("[data-draft-status]") ?? document.createElement("p");
    if (!status.isConnected) {
      status.className = "draft-status muted small mt-2 mb-0";
      status.setAttribute("role", "status");
      status.setAttribute("data-draft-status", "");
      const buttons = [...form.querySelectorAll("button:not([type=button])")];
      const last = buttons.at(-1);
      if (last) last.after(status); else form.append(status);
    }
    let note = ""; /* said beside every state until the page is left */
    const show = (state, text) => {
      status.dataset.draftStatus = state;
      status.textContent = text + note;
      if (state === "restored" || state === "offered") form.closest("details")?.setAttribute("open", "");
    };

    const stash = (more = {}) => local.put(key, { at: Date.now(), base: saved, fields: read(form), ...more });
    const keptHere = (reason) => {
      if (local.get(key)) show("local", `保存在本机 ${clock(Date.now())}：${reason}`);
      else show("unsaved", `未保存：${reason}`);
    };

    const signedOut = () => {
      keptHere("登录已超时，重新登录后自动存到服务器。");
      house.askPassword?.();
    };
    const refused = async (response) => {
      const answer = await response.json().catch(() => ({}));
      if (response.status === 401) { signedOut(); return; }
      closed = answer.code === "stale" || answer.code === "other_user";
      keptHere(answer.message ?? "服务器没有接受，请刷新页面后再试。");
    };

    const send = async () => {
      clearTimeout(waiting);
      if (request || closed || leaving || sent === typed) return;
      const now = typed;
      const fields = read(form);
      request = new AbortController();
      try {
        const response = await fetch(url, {
          method: "POST",
          body: new URLSearchParams({ version, user, fields: JSON.stringify(fields) }),
          headers: { "X-Background": "1", "X-CSRFToken": house.csrfToken(), Accept: "application/json" },
          credentials: "same-origin",
          redirect: "manual",
          signal: request.signal,
        });
        if (response.type === "opaqueredirect") {
          signedOut(); /* the session is gone: sent to the login page */
        } else if (response.ok) {
          const answer = await response.json();
          saved = answer.saved_at;
          sent = now;
          if (typed === sent) {
            local.drop(key);
            show("saved", `已保存 ${answer.time}`);
          } else {
            stash();
          }
        } else if (response.status >= 500) {
          throw new Error(String(response.status));
        } else {
          await refused(response);
        }
      } catch {
        if (!leaving) {
          keptHere("暂时连不上服务器，稍后自动重试。");
          waiting = setTimeout(send, RETRY);
        }
      } finally {
        request = null;
      }
      if (sent === now && typed !== sent) later();
    };
    const later = () => {
      clearTimeout(waiting);
      waiting = setTimeout(send, PAUSE);
    };
    const changed = () => {
      typed += 1;
      const kept = stash();
      if (status.dataset.draftStatus !== "local") show("unsaved", kept ? "未保存" : "未保存（本机存储不可用）");
      later();
    };

    form.addEventListener("input", (event) => { if (controls(form).includes(event.target)) changed(); });
    form.addEventListener("change", (event) => { if (controls(form).includes(event.target)) changed(); });
    form.addEventListener("reset", () => setTimeout(changed));
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      /* Kept until a later page shows that the object went on: the answer may never come. */
      leaving = true;
      clearTimeout(waiting);
      request?.abort();
      stash({ submitted: true });
      local.keys().filter((one) => one.startsWith(own)).forEach((one) => local.put(one, { ...local.get(one), submitted: true }));
    });
    window.addEventListener("pageshow", (event) => { if (event.persisted) leaving = false; });

    /* The login is back: over the page, or in another window. */
    const dialog = document.getElementById("session-dialog");
    dialog?.addEventListener("close", () => send());
    const back = async () => {
      if (document.visibilityState !== "visible" || sent === typed) return;
      await send();
      if (sent === typed && dialog?.open) {
        house.refreshTokens();
        dialog.close();
      }
    };
    window.addEventListener("focus", back);
    document.addEventListener("visibilitychange", back);
    window.addEventListener("online", () => send());

    /* ---------- what an earlier visit left ---------- */
    const same = (fields) => JSON.stringify(fields) === JSON.stringify(read(form));
    const CHECK = " 此后表单已有变动，请核对后再提交。";
    const restore = (entry, older) => {
      fill(form, entry.fields);
      changed();
      if (older) note = CHECK;
      show("restored", "已恢复本机保存的内容。");
    };
    const isOlder = (from) => from.slice(own.length).split(":")[0] !== version;
    const offer = (entry, from) => {
      if (from === key) { /* out of the way of what is typed now */
        local.drop(key);
        from = `${key}:${entry.at}`;
        local.put(from, entry);
      }
      show("offered", `本机另有 ${clock(entry.at)} 未存到服务器的内容。`);
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-outline", textContent: "恢复本机内容" });
      button.addEventListener("click", () => {
        local.drop(from);
        restore(entry, isOlder(from));
      });
      status.append(" ", button);
    };
    if (page && location.pathname === new URL(form.action).pathname) history.replaceState(null, "", page);
    if (saved) {
      if ("draftStale" in form.dataset) note = CHECK;
      show("restored", `已恢复 ${form.dataset.draftTime} 保存的草稿。`);
    }
    for (const from of local.keys().filter((one) => one.startsWith(own))) {
      const entry = local.get(from);
      const older = isOlder(from);
      if ((older && entry.submitted) || same(entry.fields)) {
        local.drop(from);
      } else if (!saved || (!older && entry.base === saved)) {
        if (from !== key) local.drop(from);
        restore(entry, older);
      } else {
        offer(entry, from);
      }
    }
  };
  document.querySelectorAll("form[data-draft]").forEach(watch);
})();
