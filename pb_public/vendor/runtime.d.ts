// Types of runtime.js, for tsc --checkJs; the packages are in test/web.
export { h, render, Fragment, createContext } from 'preact';
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext, useId } from 'preact/hooks';
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from '@preact/signals';
export type { Signal, ReadonlySignal } from '@preact/signals';
export type { ComponentChildren, VNode, JSX } from 'preact';
export function html(strings: TemplateStringsArray, ...values: any[]): import('preact').VNode<any>;
