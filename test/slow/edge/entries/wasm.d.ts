// What workerd makes of an imported .wasm file.
declare module '*.wasm' {
  const compiled: WebAssembly.Module
  export default compiled
}
