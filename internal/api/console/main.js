// The operator pages inside PocketBase's console. Routes must be registered
// before anything is awaited, so the pages themselves are loaded when opened.
const parts = ['overview', 'queue', 'engines', 'plugins', 'decisions', 'audit', 'maintenance'];
app.store.headerLinks.unshift({ href: '#/ops/overview', icon: 'ri-pulse-line', label: 'Operations', isActive: () => location.hash.startsWith('#/ops') });
for (const part of parts) {
  app.routes.superuserOnly(`#/ops/${part}`, () => t.div({
    className: 'ops-host',
    onmount: (el) => import('/operator/ops.js').then((m) => {
      el.leave = m.mount(el, { pb: app.pb, part, href: (to) => `#/ops/${to}` });
    }).catch((err) => { el.textContent = `The page could not be loaded: ${err.message}. Reload it.`; }),
    onunmount: (el) => el.leave?.(),
  }));
}
