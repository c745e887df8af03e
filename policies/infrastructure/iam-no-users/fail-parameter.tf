# params: {"allow": ["saas-*"]}
resource "aws_iam_user" "saas" {
  name = "saas-monitoring"
}

resource "aws_iam_access_key" "saas" {
  user = aws_iam_user.saas.name
}

resource "aws_iam_user" "other" { # label: the user
  name = "other-saas"
}

resource "aws_iam_access_key" "other" { # expect[access-key]: the user `other-saas`
  user = aws_iam_user.other.name
}
