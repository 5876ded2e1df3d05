// Enough of React to render the example's screen once.
export const useState = (initial) => [initial(), () => {}];
export const jsx = (type, props) => ({ type, props });
export const jsxs = jsx;
export const jsxDEV = jsx;
