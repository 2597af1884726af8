package cli

import (
	_ "embed"
	"strings"
)

// The scripts ask the binary for candidates, see completeRequest.
var (
	//go:embed completion.bash
	bashScript string
	//go:embed completion.zsh
	zshScript string
	//go:embed completion.fish
	fishScript string
)

// completionScript returns the script by which a shell completes the command line of a binary.
func completionScript(name, shell string) string {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[shell]
	return strings.NewReplacer("NAME", name, "FUNCTION", strings.ReplaceAll(name, "-", "_")).Replace(script)
}
