import { useState } from "react";
import { Button, SafeAreaView, Text } from "react-native";
import { classify, exampleFeatures } from "./classify";

/** Names the word in a second of audio; an app would take the features from its microphone. */
export default function App() {
  const [answer, setAnswer] = useState(() => classify(exampleFeatures));
  return (
    <SafeAreaView>
      <Text testID="label">{`${answer.label} (${Math.round(100 * answer.share)} %, ${answer.tier} tier)`}</Text>
      <Button title="Again" onPress={() => setAnswer(classify(exampleFeatures))} />
    </SafeAreaView>
  );
}
