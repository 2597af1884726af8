// Command hexz-keygen makes keys.
package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"hexz/cmd/internal/cli"
)

func main() { cli.Main(command()) }

func command() *cli.Command {
	var o flags
	return &cli.Command{
		Name:  "hexz-keygen",
		Args:  "KIND",
		Short: "Make keys for archives",
		Long: `Makes a key of a KIND, writes the secret to FILE, a new file that only its owner
can read, and prints the public part on standard output.
- encrypt: an identity of age. hexz-seal -r takes the public part, hexz-cat -i
  and the like take FILE. age-keygen makes the same, and SSH keys do as well.
- sign: a key pair of minisign. hexz-sign -k takes FILE, hexz-verify --signed-by
  takes FILE.pub or the line that is printed. The secret is encrypted by a
  passphrase, which is asked for unless it comes from elsewhere.
- chunk: a key for hexz-chunk --chunk-key-file. It has no public part.

A file that exists is never overwritten. With "-o -" the secret goes to standard
output, and the public part to standard error. (age-keygen does that without -o,
too: here -o has to be given, so that no secret is shown or redirected into a
file that others can read by mistake.) A key pair for "sign" needs files.`,
		Example: `  hexz-keygen encrypt -o backup.key
  hexz-keygen encrypt -o - | age -p -o backup.key.age
  hexz-keygen sign -o sign.key --passphrase-command 'pass backup'
  hexz-keygen chunk -o chunk.key`,
		MinArgs: 1, MaxArgs: 1,
		Output: true,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&o.bare, "no-passphrase", false, "do not encrypt the secret key of sign")
			o.pass.AddFlags(f)
		},
		Run: o.run,
	}
}

// flags holds the values of this binary's flags.
type flags struct {
	bare bool // no passphrase
	pass cli.PassphraseFlags
}

func (o *flags) run(env *cli.Env, args []string) error {
	kind, path := args[0], env.OutputPath()
	generate, ok := map[string]func(*cli.Env, string) (*key, error){"encrypt": encryptKey, "sign": o.signKey, "chunk": chunkKey}[kind]
	switch {
	case !ok:
		return cli.Usagef("KIND is encrypt, sign or chunk, not %q", kind)
	case kind != "sign" && (o.bare || o.pass.Given()):
		return cli.Usagef("passphrases are for keys of kind sign")
	case o.bare && o.pass.Given():
		return cli.Usagef("a passphrase and --no-passphrase exclude each other")
	case path == "":
		return cli.WithHint(cli.Usagef("-o is missing: the file for the secret key"), "name a new one by -o FILE; -o - is standard output")
	case path == "-" && kind == "sign":
		return cli.Usagef("a key pair for signatures needs files: -o FILE")
	case path == "-":
		return toStdout(env, generate)
	}
	// Checked first, so that a passphrase is not asked for in vain.
	if err := cli.CheckNew(path); err != nil {
		return err
	}
	k, err := generate(env, path)
	if err != nil {
		return err
	}
	files := []cli.NewFile{{Path: path, Mode: 0o600, Text: k.secret}}
	if k.file != nil {
		files = append(files, cli.NewFile{Path: path + ".pub", Mode: 0o666, Text: k.file})
	}
	if err := env.CreateFiles(files...); err != nil || k.public == "" {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, k.public)
	return err
}

// toStdout writes the secret to standard output, whatever kind of file that is.
func toStdout(env *cli.Env, generate func(*cli.Env, string) (*key, error)) error {
	k, err := generate(env, "-")
	if err != nil {
		return err
	}
	if info, err := env.Stdout.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		env.Warnf("others may read the file that the secret key goes to")
	}
	out, err := env.Output()
	if err != nil {
		return err
	}
	defer out.Cleanup()
	if _, err := out.Write(k.secret); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	if k.public != "" && !env.Quiet {
		fmt.Fprintf(env.Stderr, "public key: %s\n", k.public)
	}
	return nil
}
