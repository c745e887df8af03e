resource "aws_iam_user" "ci" { # label: the user
  name = "github-actions"
}

resource "aws_iam_access_key" "ci" { # expect[access-key high likely]: the user `github-actions` has an access key, which does not expire
  user = aws_iam_user.ci.name
}

# One cure for all that belongs to the user.
resource "aws_iam_user_policy_attachment" "ci" {
  user       = aws_iam_user.ci.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
}

resource "aws_iam_user" "alice" { # label: the user
  name = "alice"
}

resource "aws_iam_user_login_profile" "alice" { # expect[login-profile high]: the user `alice` has a password for the console
  user = aws_iam_user.alice.name
}

# A user of another module.
resource "aws_iam_access_key" "legacy" { # expect[access-key]: the user `legacy-backup` has an access key
  user = "legacy-backup"
}

# With key and password: one finding.
resource "aws_iam_user" "both" { # label: the user
  name = "both"
}

resource "aws_iam_access_key" "both" { # expect[access-key]: the user `both`
  user    = aws_iam_user.both.name
  pgp_key = "keybase:acme"
}

resource "aws_iam_user_login_profile" "both" {
  user = aws_iam_user.both.name
}

resource "aws_iam_user" "nothing" { # expect[user low]: `nothing` is an IAM user, expected a role
  name = "nothing"
}

# One finding for all that one block makes.
resource "aws_iam_user" "team" { # expect[user]: `dave` is an IAM user
  for_each = toset(["dave", "erin"])
  name     = each.value
}

module "developer" { # expect[access-key]: the user `bob` has an access key
  source  = "terraform-aws-modules/iam/aws//modules/iam-user"
  version = "5.39.1"

  name = "bob"
}

module "without_key" { # expect[login-profile]: the user `carol` has a password
  source  = "terraform-aws-modules/iam/aws//modules/iam-user"
  version = "6.0.0"

  name              = "carol"
  create_access_key = false
}
