# params: {"denied": ["AmazonS3FullAccess"], "break_glass": ["night-*"]}
resource "aws_iam_role_policy_attachment" "buckets" {
  role       = "emergency"
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess" # expect[admin]: attaches `AmazonS3FullAccess`
}

resource "aws_iam_role_policy_attachment" "night" {
  role       = "Night-watch"
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
}

resource "aws_iam_role_policy_attachment" "admin" {
  role       = "ci"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
