// The package has no types of its own; this is what the benchmark uses of it.
declare module 'usocket' {
  export const USocket: import('./types.js').USockets['USocket'];
  export const UServer: import('./types.js').USockets['UServer'];
}
