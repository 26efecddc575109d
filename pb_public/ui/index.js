// @ts-check
// The parts that screens are built of.
export { ActionButton, Button } from './button.js';
export { Avatar, Chip, Class, Confidence, EngineBadge, Severity, SourceIcon } from './chips.js';
export { Banner, EmptyState, Loading, Sparkline, Table, Time } from './data.js';
export { Field } from './field.js';
export { Icon } from './icons.js';
export { Dialog, Menu, MenuList } from './overlay.js';
export { Count, Tabs } from './tabs.js';
export { hush, say, sayProblem, Toasts } from './toast.js';
