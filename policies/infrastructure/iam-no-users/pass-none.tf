# not-applicable: it has no IAM users
resource "aws_iam_role" "ci" {
  name               = "ci"
  assume_role_policy = "{}"
}
