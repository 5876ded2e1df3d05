// React Native's own configuration is enough: its "react-native" condition picks the entry without WebAssembly.
const { getDefaultConfig, mergeConfig } = require("@react-native/metro-config");

module.exports = mergeConfig(getDefaultConfig(__dirname), {});
