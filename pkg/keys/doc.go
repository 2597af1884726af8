// Package keys holds the keys of those who make and open archives: recipients and identities of age
// and SSH, and passphrases. It wraps the file key of an archive for recipients, and opens it with
// identities.
//
// It is a package of its own so that what reads an archive need not link age and SSH: that knows a
// [seal.Opener] only. No error and no formatted value of this package holds a secret, nor a part of
// one.
package keys
