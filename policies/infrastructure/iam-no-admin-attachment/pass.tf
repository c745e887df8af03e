resource "aws_iam_role_policy_attachment" "read" {
  role       = "ci"
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy_attachment" "own" {
  role       = "ci"
  policy_arn = aws_iam_policy.deploy.arn
}

resource "aws_iam_policy" "deploy" {
  name   = "deploy"
  policy = "{}"
}

# A policy of one's own with a similar name.
resource "aws_iam_role_policy_attachment" "similar" {
  role       = "ci"
  policy_arn = "arn:aws:iam::123456789012:policy/NoAdministratorAccess"
}

resource "aws_iam_role_policy_attachment" "night" {
  role       = "prod-BreakGlass"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

resource "aws_iam_role_policy_attachment" "off" {
  count      = 0
  role       = "ci"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
