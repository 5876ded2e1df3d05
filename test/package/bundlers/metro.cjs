// The example's own Metro configuration, less what a test of one module has no use for.
const { dirname, join } = require("node:path");
const { mergeConfig } = require("@react-native/metro-config");

const { PROJECT, PACKAGE_EXPORTS } = process.env;
const folderOf = (name) => dirname(require.resolve(`${name}/package.json`));

module.exports = mergeConfig(require(join(PROJECT, "metro.config.js")), {
  projectRoot: PROJECT,
  watchFolders: ["@babel/runtime", "@react-native/js-polyfills", "metro-runtime"].map(folderOf),
  resolver: {
    unstable_enablePackageExports: PACKAGE_EXPORTS === "on",
    useWatchman: false,
    // Stand-ins, so that the screen runs without a phone.
    extraNodeModules: { react: join(PROJECT, "stubs/react"), "react-native": join(PROJECT, "stubs/native") },
  },
  // Without react-native, there is no InitializeCore to run first.
  serializer: { getModulesRunBeforeMainModule: () => [] },
  cacheStores: [],
});
