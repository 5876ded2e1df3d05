// Enough of React Native to say what the example's screen shows.
export const [Button, SafeAreaView, Text] = ["Button", "SafeAreaView", "Text"];

const textOf = ({ type, props }) =>
  type === Text ? [props.children] : [].concat(props.children || []).flatMap(textOf);

export const AppRegistry = {
  registerComponent(name, component) {
    const screen = component()();
    globalThis.answer(JSON.stringify({ name, texts: textOf(screen) }));
  },
};
