package cli

import "runtime/debug"

// version is set when a release is built, by
// -ldflags "-X hexz/cmd/internal/cli.version=1.2.3".
var version = ""

// versionString returns the version of the release, or else the version that the Go tool recorded,
// or "dev".
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
